"""Every consumer of a home, made of its settings."""

import asyncio
from typing import Any, Final

from bus.connection import Bus
from bus.fold import Fold
from bus.work import Worker
from consumers.audit.consumer import audit
from consumers.intake import consumer as intake
from consumers.intake.consumer import Intake
from consumers.run import Job, jobs
from consumers.source.archive import Templates
from consumers.source.consumer import Source
from consumers.source.limits import SourceSettings
from consumers.source.remote import PublicRemotes
from edge.cli.home import Home
from edge.cli.platform_settings import PlatformSettings

SOCKET: Final = "platform.sock"
CLASSES: Final[tuple[type[Worker], ...]] = (Intake, Source)  # those that have a durable


def make(settings: PlatformSettings, bus: Bus) -> dict[str, Job]:
    """Return what runs each consumer, and the folds that consumers decide by."""
    home = Home(settings.home)
    branches = intake.fold(settings.home / "snapshots")

    async def audited(stopping: asyncio.Event) -> None:
        await audit(bus, home.audit, stopping)

    workers: list[Worker] = [Intake(bus.log, branches), _source(settings, bus)]
    folds = {f"fold {fold.name}": _kept(fold, bus) for fold in (branches,)}
    return {**folds, **jobs(bus, workers), "audit": audited}


def _source(settings: PlatformSettings, bus: Bus) -> Source:
    remotes = PublicRemotes(
        local=lambda: "http://localhost/git",
        token=lambda: settings.endpoint.token,
        socket=settings.run / SOCKET,
    )
    return Source(bus.log, bus.blobs, remotes, Templates(), SourceSettings())


def _kept(fold: Fold[Any], bus: Bus) -> Job:
    """Return what keeps a fold true until told to stop."""

    async def job(stopping: asyncio.Event) -> None:
        folding = asyncio.create_task(fold.run(bus.follow), name=fold.name)
        ended = asyncio.create_task(stopping.wait())
        try:
            await asyncio.wait((folding, ended), return_when=asyncio.FIRST_COMPLETED)
            if folding.done():
                folding.result()
        finally:
            folding.cancel()
            ended.cancel()
            await asyncio.wait((folding, ended))

    return job
