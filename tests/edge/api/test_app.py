"""The read API on a real log: facts are appended, answers are asked for by HTTP."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from bus.connection import Bus
from consumers.secrets.desk import Desk
from edge.api.app import create
from edge.api.domain_book import DomainBook
from edge.api.tailing import Tails
from edge.api.views import Views
from edge.cli.past import then_of
from schemas import subjects
from schemas.envelope import Aggregate
from schemas.events.branch import BranchPushed
from schemas.events.function import FunctionClaimed, FunctionDeployed
from schemas.events.run import RunFinished, RunQueued, RunResolved
from schemas.repository import Repository
from schemas.usage import Usage, bucket
from tests.edge.auth.entering import as_caller, auth_of

SHA = "a" * 40
IMAGE = "sha256:" + "1" * 64
REPOSITORY = Repository("alice", "hello", "main")
HELLO = Aggregate("local", "alice/hello", "function", "production/hello")


def run_of(number: int) -> Aggregate:
    """Return the run with this number."""
    return Aggregate("local", "alice/hello", "run", f"01JD8Z6Q5V{number:016d}")


async def queue(bus: Bus, number: int, *, project: str = "alice/hello") -> int:
    """Append a queued run."""
    fact = RunQueued(
        environment="production",
        generation=number,
        branch="main",
        sha=f"{number:040x}",
        repository=REPOSITORY,
        label="alice",
        pusher="alice",
    )
    of = Aggregate("local", project, "run", run_of(number).id)
    return await bus.log.append(fact, of=of, id=f"test:queued:{number}", name=project)


async def deploy(bus: Bus, run: str) -> int:
    """Append that hello is live."""
    fact = FunctionDeployed(
        run=run,
        generation=1,
        revision="aaaaaaa-1",
        image=IMAGE,
        spec=IMAGE,
        sha=SHA,
        label="alice",
        environment="production",
        function="hello",
        upstream="unix:fn-1.sock",
    )
    return await bus.log.append(fact, of=HELLO, id="test:deployed", name="alice/hello")


@pytest.fixture
async def api(bus: Bus) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of the API, whose folds follow the log."""
    views = Views.make(None, lambda label, _, function: f"http://{label}.localhost/{function}")
    folding = [asyncio.create_task(fold.run(bus.follow)) for fold in views.folds]
    desk = Desk.of(bus, bus.settings.home / "secrets", None)
    # ASGI, typed in Litestar's own words
    book = DomainBook(bus.log, "localhost")
    auth = auth_of(bus)
    application: Any = create(
        views,
        bus.lines,
        bus.build_logs,
        desk,
        counts=bus.usage,
        book=book,
        event_log=bus.log,
        auth=auth,
        then=then_of(bus, views, desk, auth.book, None),
        tails=Tails(bus.follow, bus.log),
        bus=bus,
        version="0",
    )
    transport = httpx.ASGITransport(as_caller(application))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client
    for task in folding:
        task.cancel()


async def answer(api: httpx.AsyncClient, path: str) -> Any:
    """Return what a path answers, which has to be 200."""
    response = await api.get(path)
    assert response.status_code == 200, response.text
    return response.json()


async def test_a_read_waits_for_the_sequence_it_asks_for(bus: Bus, api: httpx.AsyncClient) -> None:
    """Who has just written reads what was written."""
    seq = await queue(bus, 1)

    page = await answer(api, f"/api/runs?after={seq}")

    assert page["seq"] >= seq
    assert [run["id"] for run in page["items"]] == [run_of(1).id]


@pytest.mark.weakness(21)
async def test_usage_is_summed_over_routers(bus: Bus, api: httpx.AsyncClient) -> None:
    """Requests, errors and quantiles of the last minutes; none is zero, and no error."""
    seq = await deploy(bus, run_of(1).id)
    await answer(api, f"/api/functions?after={seq}")
    path = "/api/functions/alice/hello/usage?minutes=5"
    before = await answer(api, path)
    now = int(time.time() // 60)
    subject = subjects.usage("local", "alice/hello", "production/hello")
    for router, slow in (("one", 0), ("two", 10)):
        counted = Usage(now, 100, slow, {bucket(2_000): 100 - slow, bucket(900_000): slow})
        await bus.usage.write(subject, counted, id=f"{router}:1")

    after = await answer(api, path)

    assert (before["invocations"], before["errors"], before["p99_ms"]) == (0, 0, 0)
    assert (after["invocations"], after["errors"], after["minutes"]) == (200, 10, 5)
    assert after["p50_ms"] == pytest.approx(2, rel=0.07)
    assert after["p99_ms"] == pytest.approx(900, rel=0.07)
    assert (await api.get("/api/functions/alice/none/usage")).status_code == 404


async def test_a_sequence_that_does_not_come_is_a_problem(
    bus: Bus, api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Waiting ends, and the answer says where the fold is."""
    monkeypatch.setattr("edge.api.views.PATIENCE", 0.05)
    seq = await queue(bus, 1)

    response = await api.get(f"/api/runs?after={seq + 5}")

    assert response.status_code == 504
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["code"] == "not_yet"


async def test_pages_show_each_run_once_newest_first(bus: Bus, api: httpx.AsyncClient) -> None:
    """Following the cursor leads through all runs, while new ones come."""
    seq = 0
    for number in range(1, 8):
        seq = await queue(bus, number)
    seen: list[str] = []
    path = f"/api/runs?limit=3&after={seq}"
    while True:
        page = await answer(api, path)
        seen += [run["id"] for run in page["items"]]
        if not page["cursor"]:
            break
        await queue(bus, 100 + len(seen))
        path = f"/api/runs?limit=3&cursor={page['cursor']}"

    assert seen == [run_of(number).id for number in range(7, 0, -1)]


async def test_runs_of_one_project(bus: Bus, api: httpx.AsyncClient) -> None:
    """A project's name keeps the others out."""
    await queue(bus, 1)
    seq = await queue(bus, 2, project="bob/other")

    page = await answer(api, f"/api/runs?project=bob/other&after={seq}")

    assert [run["project"] for run in page["items"]] == ["bob/other"]


async def test_a_run_has_its_waterfall(bus: Bus, api: httpx.AsyncClient) -> None:
    """Steps, who pushed, how it ended and where it answers."""
    await queue(bus, 1)
    resolved = RunResolved(sha=SHA, functions=("hello",))
    await bus.log.append(resolved, of=run_of(1), id="test:resolved")
    await deploy(bus, run_of(1).id)
    end = RunFinished(outcome="live")
    seq = await bus.log.append(end, of=run_of(1), id="test:finished")

    run = await answer(api, f"/api/runs/{run_of(1).id}?after={seq}")

    assert (run["outcome"], run["pusher"], run["sha"]) == ("live", "alice", SHA)
    assert [step["name"] for step in run["steps"]][:2] == ["plan", "source"]
    assert run["urls"] == {"hello": "http://alice.localhost/hello"}
    assert run["total_ms"] >= run["own_ms"] >= 0


async def test_a_run_is_found_by_the_start_of_its_id_or_sha(
    bus: Bus, api: httpx.AsyncClient
) -> None:
    """Four letters are enough where they are clear; several runs are told apart."""
    await queue(bus, 1)
    seq = await queue(bus, 0xABCD << 144)

    by_sha = await answer(api, f"/api/runs/{f'{0xABCD << 144:040x}'[:6]}?after={seq}")
    several = await api.get("/api/runs/01jd")
    unknown = await api.get("/api/runs/ffff")

    assert by_sha["generation"] == 0xABCD << 144
    assert (several.status_code, several.json()["code"]) == (409, "ambiguous_id")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")
    assert "run ls" in unknown.json()["hint"]


async def test_functions_say_where_they_answer(bus: Bus, api: httpx.AsyncClient) -> None:
    """The list and the single one agree."""
    seq = await deploy(bus, run_of(1).id)

    page = await answer(api, f"/api/functions?after={seq}")
    one = await answer(api, "/api/functions/alice/hello")
    unknown = await api.get("/api/functions/alice/nobody")

    assert page["items"] == [one]
    assert (one["url"], one["status"]) == ("http://alice.localhost/hello", "live")
    assert unknown.status_code == 404


async def test_functions_come_in_pages(bus: Bus, api: httpx.AsyncClient) -> None:
    """Following the cursor leads through all of them, by tenant and name."""
    seq = 0
    for name in ("c", "a", "b"):
        fact = FunctionClaimed(label="alice", function=name)
        of = Aggregate("local", "alice/hello", "function", f"production/{name}")
        seq = await bus.log.append(fact, of=of, id=f"test:{name}", name="alice/hello")

    first = await answer(api, f"/api/functions?limit=2&after={seq}")
    rest = await answer(api, f"/api/functions?limit=2&cursor={first['cursor']}")

    assert [row["function"] for row in first["items"] + rest["items"]] == ["a", "b", "c"]
    assert rest["cursor"] == ""


async def test_projects_are_listed_by_name(bus: Bus, api: httpx.AsyncClient) -> None:
    """A repository is known from its first push on; pages go by name."""
    seq = 0
    for name in ("hello", "again", "third"):
        repository = Repository("alice", name, "main")
        fact = BranchPushed("main", "0" * 40, SHA, repository)
        of = Aggregate("local", f"alice/{name}", "branch", "main")
        seq = await bus.log.append(fact, of=of, id=f"test:{name}", name=f"alice/{name}")

    first = await answer(api, f"/api/projects?limit=2&after={seq}")
    rest = await answer(api, f"/api/projects?limit=2&cursor={first['cursor']}")

    names = [row["name"] for row in first["items"] + rest["items"]]
    assert names == ["alice/again", "alice/hello", "alice/third"]
    assert rest["cursor"] == ""


async def test_logs_come_in_order_and_as_they_are_written(bus: Bus, api: httpx.AsyncClient) -> None:
    """The newest lines of all revisions at once."""
    seq = await deploy(bus, run_of(1).id)
    for revision in ("one", "two"):
        subject = subjects.function_log("local", "alice/hello", "production/hello", revision)
        await bus.lines.write(subject, [f"from {revision}"])
    other = subjects.function_log("local", "alice/hello", "production/other", "one")
    await bus.lines.write(other, ["not mine"])

    page = await answer(api, f"/api/functions/alice/hello?after={seq}")
    logs = await answer(api, "/api/functions/alice/hello/logs")

    assert page["function"] == "hello"
    lines = [(line["revision"], line["function"], line["text"]) for line in logs["items"]]
    assert lines == [("one", "hello", "from one"), ("two", "hello", "from two")]


async def test_logs_of_a_run_name_their_function(bus: Bus, api: httpx.AsyncClient) -> None:
    """Two builds of one run are told apart."""
    seq = await queue(bus, 1)
    for name in ("hello", "site"):
        subject = subjects.build_log("local", "alice/hello", run_of(1).id, name)
        await bus.lines.write(subject, [f"building {name}"])

    await answer(api, f"/api/runs?after={seq}")
    logs = await answer(api, f"/api/runs/{run_of(1).id}/logs")

    assert [line["function"] for line in logs["items"]] == ["hello", "site"]


async def test_an_old_run_s_logs_are_those_that_were_kept(bus: Bus, api: httpx.AsyncClient) -> None:
    """LOGS has forgotten the lines: they come from the objects, the newest of them."""
    await queue(bus, 1)
    resolved = RunResolved(sha=SHA, functions=("hello", "silent"))
    seq = await bus.log.append(resolved, of=run_of(1), id="test:resolved")
    await bus.build_logs.write("alice/hello", SHA, "hello", b"one\ntwo\nthree\n")
    path = f"/api/runs/{run_of(1).id}"
    await answer(api, f"{path}?after={seq}")
    assert (await answer(api, f"{path}/logs"))["items"] == []  # they may still come

    seq = await bus.log.append(RunFinished(outcome="live"), of=run_of(1), id="test:finished")
    await answer(api, f"{path}?after={seq}")
    logs = await answer(api, f"{path}/logs?limit=2")

    lines = [(line["function"], line["text"]) for line in logs["items"]]
    assert lines == [("hello", "two"), ("hello", "three")]


@pytest.mark.weakness(21)
@pytest.mark.parametrize("query", ["limit=0", "limit=many", "cursor=x", "after=-1"])
async def test_a_bad_query_is_a_problem_that_names_it(api: httpx.AsyncClient, query: str) -> None:
    """What is wrong is said, as RFC 9457 wants it."""
    response = await api.get(f"/api/runs?{query}")

    problem = response.json()
    assert response.status_code == 400
    assert response.headers["content-type"] == "application/problem+json"
    assert (problem["status"], problem["instance"]) == (400, "/api/runs")
    assert query.partition("=")[0] in problem["detail"]


async def test_an_unknown_path_is_a_problem(api: httpx.AsyncClient) -> None:
    """404 has the same shape as all others."""
    response = await api.get("/api/nothing")

    assert response.status_code == 404
    assert response.json()["title"] == "Not Found"


async def test_the_api_describes_itself(api: httpx.AsyncClient) -> None:
    """OpenAPI 3.1, every path with a summary, and the token named."""
    schema = json.loads((await api.get("/api/openapi.json")).text)

    assert schema["openapi"].startswith("3.1")
    assert "/api/runs/{run}" in schema["paths"]
    operations = [each for path in schema["paths"].values() for each in path.values()]
    assert all(operation["summary"] for operation in operations)
    assert schema["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
