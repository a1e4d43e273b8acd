"""A log to be read: its server on one core, and so many facts as runs leave behind."""

import asyncio
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Final

from bus import streams
from bus.connection import connect
from bus.log import Draft, Sealed, seal
from bus.server import find_binary
from bus.settings import BusSettings
from schemas.envelope import Aggregate
from schemas.events.run import RunArchived, RunBuilt, RunFinished, RunQueued
from schemas.repository import Repository
from tests.bench.process import free_port, running

AHEAD: Final = 256  # appends without an acknowledgement, while the log is filled
SYNC: Final = {"default sync": "2m", "fsync": "always"}
CONFIGURATION: Final = """\
listen: "127.0.0.1:{port}", max_payload: 1MB
jetstream: {{ store_dir: "{folder}/store", sync_interval: {sync}, max_file_store: 8GB }}
"""
DIGEST: Final = "sha256:" + "5" * 64
SHA: Final = "4e47a0a1f7b0a1d3c5b0c4d5e6f708192a3b4c5d"
REPOSITORY: Final = Repository("alice", "shop", "main", "https://github.com/alice/shop.git")


def drafts(run: int) -> list[Draft]:
    """Return what one run of one function leaves in the log."""
    of = Aggregate("github", str(1000 + run % 50), "run", f"01JD8Z6Q5V{run:016}")
    facts = (
        RunQueued(
            environment="production",
            generation=run,
            branch="main",
            sha=SHA,
            repository=REPOSITORY,
            label="alice",
            pusher="alice",
        ),
        RunArchived(function="hello", archive=DIGEST, spec=DIGEST, language="python3-http"),
        RunBuilt(function="hello", image=DIGEST, spec=DIGEST, tool_ms=1234),
        RunFinished(outcome="live", message="1 function is live"),
    )
    return [Draft(fact, of, f"bench:{run}:{place}") for place, fact in enumerate(facts)]


def messages(count: int) -> list[Sealed]:
    """Return so many facts as they are sent."""
    every = (draft for run in range(count) for draft in drafts(run))
    context = {"cause": None, "run": "", "actor": "planner", "name": "alice/shop"}
    return [seal(draft, **context) for draft in islice(every, count)]


def server(stack: ExitStack, folder: Path, core: int, sync: str) -> str:
    """Start a log's server with its streams; return its URL."""
    port, configuration = free_port(), folder / "nats.conf"
    folder.mkdir(exist_ok=True)
    configuration.write_text(CONFIGURATION.format(port=port, folder=folder, sync=SYNC[sync]))
    stack.enter_context(running([find_binary(), "-c", configuration], port, folder, core))
    url = f"nats://127.0.0.1:{port}"
    asyncio.run(streams.init(BusSettings(nats_url=url, home=folder / "home")))
    return url


async def fill(url: str, home: Path, count: int) -> None:
    """Append so many facts."""
    async with connect(BusSettings(nats_url=url, home=home), name="fill") as bus:
        waiting = iter(messages(count))

        async def some() -> None:
            for each in waiting:
                await bus.publisher.store(each.subject, each.body, each.block)

        await asyncio.gather(*(some() for _ in range(AHEAD)))
