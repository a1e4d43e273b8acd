"""A function is replaced under load: no request fails."""

import asyncio
import random

from tests.edge.router.conftest import Running
from tests.edge.router.wire import (
    Received,
    Upstream,
    body_of,
    calling,
    get,
    plain,
    post,
    until,
    upstream,
)

ROUNDS = 10
CALLERS = 16


class Revision:
    """Answers with its number; some requests take their time."""

    def __init__(self, number: int) -> None:
        """Serve as revision ``number``."""
        self.number = number
        self.running = 0

    async def __call__(
        self, request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Answer, one in twenty slowly."""
        self.running += 1
        try:
            await body_of(request, reader)
            if random.random() < 0.05:
                await asyncio.sleep(0.1)  # a slow function
            writer.write(plain(str(self.number).encode()))
        finally:
            self.running -= 1


async def call(port: int, done: asyncio.Event, seen: list[tuple[int, bytes]]) -> None:
    """Call until done, GET and POST, over one connection."""
    async with calling(port) as caller:
        while not done.is_set():
            answer = await caller.ask(random.choice([get(), post(b"x" * 100)]))
            seen.append((answer.status, answer.body))


async def replace(router: Running, number: int) -> tuple[Upstream, Revision]:
    """Start a revision on its own socket and switch to it."""
    revision = Revision(number)
    served = Upstream(revision)
    path = router.run / f"fn-{number}.sock"
    served.server = await asyncio.start_unix_server(served.serve, str(path))
    router.route("hello", f"unix:fn-{number}.sock")
    return served, revision


async def test_replaced_ten_times_under_load_without_a_failure(router: Running) -> None:
    """Old revisions stop after a short grace, their socket gone: all answers are 200."""
    seen: list[tuple[int, bytes]] = []
    done = asyncio.Event()
    served, revision = await replace(router, 0)
    callers = [asyncio.create_task(call(router.port, done, seen)) for _ in range(CALLERS)]
    for number in range(1, ROUNDS + 1):
        await asyncio.sleep(0.1)  # load on this revision
        old, old_revision = served, revision
        served, revision = await replace(router, number)
        await asyncio.sleep(0.05)  # the deployer's grace, shortened
        assert old.server is not None
        old.server.close()
        (router.run / f"fn-{number - 1}.sock").unlink(missing_ok=True)
        await until(lambda one=old_revision: not one.running)  # type: ignore[misc]
    done.set()
    await asyncio.gather(*callers)
    assert served.server is not None
    served.server.close()

    assert {status for status, _ in seen} == {200}
    assert {body for _, body in seen} == {str(number).encode() for number in range(ROUNDS + 1)}
    assert len(seen) > 20 * ROUNDS


async def test_a_socket_gone_before_the_switch_is_waited_for(router: Running) -> None:
    """Restarted in place: its socket refuses for a moment, and the route is looked up anew."""
    async with upstream(router.run / "new.sock", Revision(2)):
        router.route("hello", "unix:gone.sock")
        async with calling(router.port) as caller:
            asking = asyncio.create_task(caller.ask(post(b"x")))
            await until(lambda: any(front.dialing for front in router.router.fronts))
            router.route("hello", "unix:new.sock")
            answer = await asking
    assert (answer.status, answer.body) == (200, b"2")
