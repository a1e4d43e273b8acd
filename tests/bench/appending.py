"""One way to append, in a process of its own: ``… appending WAY NATS_URL HOME AHEAD SECONDS``.

So many are unanswered at once. Prints how many were acknowledged, and what that took.
"""

import asyncio
import itertools
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Final

import msgspec
import uvloop

from bus import envelope
from bus.connection import connect
from bus.log import Draft, seal
from bus.settings import BusSettings
from schemas.envelope import Aggregate
from schemas.events.run import RunBuildFailed
from tests.bench.reading import Read, nats_py

FACT: Final = RunBuildFailed(function="hello", code="c", message="m", tail=("a line " * 9,) * 9)

Append = Callable[[int], Awaitable[object]]
Way = Callable[[str, Path], AbstractAsyncContextManager[Append]]


def draft(run: str, number: int) -> Draft:
    """Return a fact of about 1 KB, each time another."""
    of = Aggregate("github", "1296269", "run", f"{run}{number // 8:08}")
    return Draft(FACT, of, f"builder:{run}:{number}")


@asynccontextmanager
async def ours(url: str, home: Path) -> AsyncIterator[Append]:
    """Append facts as everything of ours does."""
    run = f"{time.time_ns():x}"
    async with connect(BusSettings(nats_url=url, home=home), name="bench") as bus:

        async def append(number: int) -> None:
            _, of, id, _ = msgspec.structs.astuple(draft(run, number))
            await bus.log.append(FACT, of=of, id=id, actor="builder", name="alice/shop")

        yield append


@asynccontextmanager
async def published(url: str, _: Path) -> AsyncIterator[Append]:
    """Publish with nats-py, one call each, what is sealed but for its id and its subject."""
    subject, body, headers = ready()
    async with nats_py(url) as js:

        async def append(number: int) -> None:
            own = {**headers, "Nats-Msg-Id": f"{subject}:{number}"}
            await js.publish(f"{subject}{number // 8}.build-failed", body, headers=own)

        yield append


@asynccontextmanager
async def published_async(url: str, _: Path) -> AsyncIterator[Append]:
    """Publish the same with nats-py's ``publish_async``, and wait for its acknowledgement."""
    subject, body, headers = ready()
    async with nats_py(url) as js:

        async def append(number: int) -> None:
            own = {**headers, "Nats-Msg-Id": f"{subject}:{number}"}
            name = f"{subject}{number // 8}.build-failed"
            await (await js.publish_async(name, body, headers=own))

        yield append


def ready() -> tuple[str, bytes, dict[str, str]]:
    """Return a subject's beginning, a body and headers: others make no envelopes of ours."""
    context = {"cause": None, "run": "", "actor": "builder", "name": "alice/shop"}
    sealed = seal(draft(f"{time.time_ns():x}", 0), **context)
    return sealed.subject.rpartition(".")[0], sealed.body, envelope.parse(sealed.block)


WAYS: Final[dict[str, Way]] = {
    "ours": ours,
    "published": published,
    "published_async": published_async,
}


async def main(way: str, url: str, home: Path, ahead: int, seconds: float) -> Read:
    """Append for some seconds."""
    numbers = itertools.count()
    async with WAYS[way](url, home) as append:
        await append(next(numbers))
        begun, before = time.perf_counter(), time.process_time()

        async def some() -> int:
            done = 0
            while time.perf_counter() - begun < seconds:
                await append(next(numbers))
                done += 1
            return done

        done = sum(await asyncio.gather(*(some() for _ in range(ahead))))
        return Read(done, time.perf_counter() - begun, time.process_time() - before)


if __name__ == "__main__":
    way, url, home, ahead, seconds = sys.argv[1:]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        found = runner.run(main(way, url, Path(home), int(ahead), float(seconds)))
    sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
