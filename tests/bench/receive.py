"""Ingest alone, as the platform serves it: ``… receive HOME NATS_URL PORT``."""

import asyncio
import sys
from pathlib import Path
from typing import Final

import uvicorn
import uvloop

from bus.connection import connect
from bus.settings import BusSettings
from edge.auth.door import Door
from edge.auth.room import Auth
from edge.auth.settings import AuthSettings
from edge.cli import logs
from edge.cli.dispatch import Application, Dispatch
from edge.ingest import GitHubIngest

SECRET: Final = "measured"


async def serve(home: Path, nats_url: str, port: int) -> None:
    """Take GitHub's deliveries until killed."""
    async with connect(BusSettings(nats_url=nats_url, home=home), name="bench") as bus:
        hook = GitHubIngest(bus.deliveries, secret=SECRET)
        auth = Auth.make(AuthSettings(), bus.log, home / "keys", None)
        application = Dispatch(
            door=Door(auth, Door.own_hosts("localhost")),
            paths={"/github-event": hook},
            git=_nothing,
            api=_nothing,
            front=b"",
        )
        server = uvicorn.Server(_configuration(application, port))
        await server.serve()


async def _nothing(*_: object) -> None:
    raise LookupError("this is measured by nobody")


def _configuration(application: Application, port: int) -> uvicorn.Config:
    """Return what the platform serves with."""
    return uvicorn.Config(
        application,
        host="127.0.0.1",
        port=port,
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
    )


if __name__ == "__main__":
    logs.configure("ingest", format="json")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
