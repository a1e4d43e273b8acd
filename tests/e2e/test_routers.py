"""Two router processes under one `up`: replaced under load, both follow, both count."""

import asyncio
import json
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.route import PREFIX
from tests.edge.router.wire import calling, get
from tests.laptop import HELLO, PATIENCE, Laptop, commit, laptop, repository, saying

CALLERS = 8
SHOP = "shop.example.com"


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laptop]:
    """Yield a Pushline with two routers."""
    home = tmp_path_factory.mktemp("here")
    with laptop(home, {"PUSHLINE_ROUTERS": "2"}) as found:
        yield found


@pytest.fixture(scope="module")
def pushed(here: Laptop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the repository whose function was pushed once."""
    work = tmp_path_factory.mktemp("work") / "hello"
    repository(work, {"hello/handler.py": saying("version 1")})
    here.push(work)
    asyncio.run(here.answers("hello", "version 1"))
    return work


def router_pid(here: Laptop, name: str) -> int:
    """Return a router's process id, 0 while it has none."""
    try:
        return int(json.loads((here.home / "pids" / f"{name}.json").read_text())["pid"])
    except (OSError, ValueError):
        return 0


async def call(port: int, done: asyncio.Event, seen: Counter[int]) -> None:
    """Call until done, over connections that last as long as the router lets them."""
    while not done.is_set():
        async with calling(port) as caller:
            closing = False
            while not done.is_set() and not closing:
                answer = await caller.ask(get())
                seen[answer.status] += 1
                closing = answer.headers.get("connection") == "close"


async def restart(here: Laptop, name: str) -> None:
    """End one router in order and wait until `up` has started it again."""
    old = router_pid(here, name)
    os.kill(old, signal.SIGHUP if name == "router" else signal.SIGTERM)
    async with asyncio.timeout(PATIENCE):
        while router_pid(here, name) in (0, old):  # noqa: ASYNC110 - a process has no event
            await asyncio.sleep(0.02)


@pytest.mark.usefixtures("pushed")
def test_routers_are_restarted_under_load_without_a_failed_request(here: Laptop) -> None:
    """Each in turn, twice: whoever connects meanwhile waits, nobody is refused or cut off."""

    async def story() -> Counter[int]:
        seen: Counter[int] = Counter()
        done = asyncio.Event()
        callers = [asyncio.create_task(call(here.port, done, seen)) for _ in range(CALLERS)]
        for name in ("router", "router-2", "router", "router-2"):
            await restart(here, name)
            before = seen.total()
            async with asyncio.timeout(PATIENCE):
                while seen.total() < before + 100:  # noqa: ASYNC110 - a count has no event
                    await asyncio.sleep(0.02)
        done.set()
        await asyncio.gather(*callers)
        return seen

    seen = asyncio.run(story())

    assert set(seen) == {200}, seen
    assert router_pid(here, "router") != router_pid(here, "router-2")


def test_routers_are_renewed_while_one_answer_lasts(here: Laptop, tmp_path: Path) -> None:
    """SIGUSR2 to `up`: a long answer ends well at the old routers, callers are answered by new."""
    work = tmp_path / "slow"
    files = {"slow/handler.py": saying("slow", slow="4")}
    repository(work, files, HELLO.replace("hello", "slow"))
    here.push(work, "alice/slow")
    asyncio.run(here.answers("slow", "slow"))
    old = {name: router_pid(here, name) for name in ("router", "router-2")}

    async def story() -> tuple[Counter[int], bytes, float]:
        seen: Counter[int] = Counter()
        done = asyncio.Event()
        async with calling(here.port) as patient:
            long = asyncio.create_task(patient.ask(get("/slow")))
            callers = [asyncio.create_task(call(here.port, done, seen)) for _ in range(CALLERS)]
            assert here.process is not None
            here.process.send_signal(signal.SIGUSR2)
            begun = time.monotonic()
            async with asyncio.timeout(PATIENCE):
                while any(  # noqa: ASYNC110 - a process has no event
                    router_pid(here, name) in (0, pid) for name, pid in old.items()
                ):
                    await asyncio.sleep(0.02)
                before = seen.total()
                while seen.total() < before + 100:  # noqa: ASYNC110 - a count has no event
                    await asyncio.sleep(0.02)
            took = time.monotonic() - begun
            done.set()
            await asyncio.gather(*callers)
            return seen, (await long).body, took

    seen, body, took = asyncio.run(story())

    assert set(seen) == {200}, seen
    assert b"slow" in body
    assert took < 4  # the old ones were still at it
    here.wait(lambda: not any(Path(f"/proc/{pid}").exists() for pid in old.values()), "they end")


def test_each_router_sees_a_new_revision(here: Laptop, pushed: Path) -> None:
    """Asked over many connections, so that both have answered: all say the new one."""
    commit(pushed, {"hello/handler.py": saying("version 2")})
    here.push(pushed)

    async def story() -> Counter[bytes]:
        await here.answers("hello", "version 2")
        await asyncio.sleep(0.5)  # more than enough for the other one
        seen: Counter[bytes] = Counter()
        for _ in range(32):
            async with calling(here.port) as caller:
                seen[(await caller.ask(get())).body] += 1
        return seen

    seen = asyncio.run(story())

    assert len(seen) == 1
    assert b"version 2" in next(iter(seen))


@pytest.mark.usefixtures("pushed")
def test_what_both_have_counted_is_told(here: Laptop) -> None:
    """`functions show` has the requests of the last hour, of all routers there were."""
    here.wait(lambda: "requests" in here.pushline("functions", "show", "hello"), "usage")
    here.wait(
        lambda: " 0 errors, half within " in here.pushline("functions", "show", "hello"), "counts"
    )


@pytest.mark.usefixtures("pushed")
def test_metrics_have_both_routers(here: Laptop) -> None:
    """The platform's /metrics asks each of them."""

    async def story() -> str:
        async with calling(here.port) as caller:
            token = f"Authorization: {here.basic()}"
            answer = await caller.ask(get("/metrics", token, host="localhost"))
            return answer.body.decode()

    said = asyncio.run(story())

    for router in ("router", "router-2"):
        assert f'pushline_router_requests_total{{router="{router}",status="2xx"}}' in said


def test_annotations_close_a_route(here: Laptop, tmp_path: Path) -> None:
    """A stack says who may call: nobody is known yet, so nobody may; a typo fails the push."""
    work = tmp_path / "inner"
    stack = HELLO.replace("hello", "inner")
    closed = f"{stack}    annotations: {{{PREFIX}policy: members}}\n"
    repository(work, {"inner/handler.py": saying("secret")}, closed)
    here.push(work, "alice/inner")

    async def story() -> tuple[int, bytes]:
        async with calling(here.port) as caller:
            answer = await caller.ask(get("/inner"))
            return answer.status, answer.body

    here.wait(lambda: asyncio.run(story())[0] == 401, "the route is closed")
    assert b"secret" not in asyncio.run(story())[1]


@pytest.mark.usefixtures("pushed")
def test_a_host_of_ones_own_leads_to_a_function(here: Laptop) -> None:
    """Added, listed and taken away by the command; both routers follow."""
    added = here.pushline("domains", "add", SHOP, "alice/hello")
    (row,) = map(json.loads, here.pushline("domains", "ls", "--json").splitlines())

    async def statuses() -> set[int]:
        found = set()
        for _ in range(16):
            async with calling(here.port) as caller:
                found.add((await caller.ask(get("/", host=SHOP))).status)
        return found

    assert added == f"{SHOP} leads to alice/hello\n"
    assert (row["host"], row["label"], row["function"]) == (SHOP, "alice", "hello")
    here.wait(lambda: asyncio.run(statuses()) == {200}, "it leads there")
    assert here.pushline("domains", "rm", SHOP) == f"{SHOP} leads nowhere\n"
    here.wait(lambda: asyncio.run(statuses()) == {404}, "it leads nowhere")
    told = [event["type"] for event in here.events("--type", "domain.*")]
    assert told == ["domain.mapped/1", "domain.unmapped/1"]
