"""A router with one function, for the bench: ``python -m tests.bench.serve FOLDER UPSTREAM``."""

import asyncio
import contextlib
import os
import sys
from pathlib import Path

import uvloop

from edge.router.main import serving
from edge.router.routes import Route
from edge.router.settings import RouterSettings


async def serve(folder: Path, upstream: str) -> None:
    """Print the port, then serve until killed, with the access log on."""
    settings = RouterSettings(
        home=folder, run=folder, listen_port=0, access_log=folder / "access.log"
    )
    async with serving(settings) as (router, port):
        router.table.apply("hello", Route("alice", "production", "hello", "1", upstream))
        print(port, flush=True)  # noqa: T201 - the parent reads it
        await asyncio.Event().wait()


if __name__ == "__main__":
    os.sched_setaffinity(0, {0})
    with (
        contextlib.suppress(KeyboardInterrupt),
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        runner.run(serve(Path(sys.argv[1]), sys.argv[2]))
