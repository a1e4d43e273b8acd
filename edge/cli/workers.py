"""Every consumer of a home, made of its settings."""

import asyncio
import os
from typing import Any, Final

import msgspec

from bus.connection import Bus
from bus.fold import Fold
from bus.work import Worker
from consumers.audit.consumer import audit
from consumers.builder.bundle import BundleBuilder, BundleSettings
from consumers.builder.consumer import Builder, BuilderSettings
from consumers.deployer.consumer import Deployer
from consumers.deployer.local.client import LocalPlatform
from consumers.deployer.reconcile import reconcile
from consumers.intake import consumer as intake
from consumers.intake.consumer import Intake
from consumers.planner.consumer import Folds, Planner
from consumers.run import Job, jobs
from consumers.source.archive import Templates
from consumers.source.consumer import Source
from consumers.source.limits import SourceSettings
from consumers.source.remote import PublicRemotes
from edge.cli.home import Home
from edge.cli.platform_settings import PlatformSettings

SOCKET: Final = "platform.sock"
DURABLE: Final[tuple[type[Worker], ...]] = (Intake, Planner, Source, Builder, Deployer)


class Consumers(msgspec.Struct, frozen=True):
    """What runs: jobs that may crash and come back, and folds that may not stop."""

    jobs: dict[str, Job]
    folds: tuple[Fold[Any], ...]


def make(settings: PlatformSettings, bus: Bus) -> Consumers:
    """Return every consumer, and the folds that they decide by."""
    snapshots = settings.home / "snapshots"
    branches, planning = intake.fold(snapshots), Folds.kept(snapshots)

    platform = LocalPlatform(settings.run / "supervisor.sock")

    async def reconciled(stopping: asyncio.Event) -> None:
        await reconcile(bus, platform, stopping, snapshots)

    async def audited(stopping: asyncio.Event) -> None:
        await audit(bus, Home(settings.home).audit, stopping)

    workers: list[Worker] = [
        Intake(bus.log, branches),
        Planner(bus.log, planning),
        _source(settings, bus),
        _builder(settings, bus),
        Deployer(bus.log, bus.blobs, platform),
    ]
    beside: dict[str, Job] = {"reconciler": reconciled, "audit": audited}
    return Consumers({**jobs(bus, workers), **beside}, (branches, *planning.all()))


def _source(settings: PlatformSettings, bus: Bus) -> Source:
    remotes = PublicRemotes(
        local=lambda: "http://localhost/git",
        token=lambda: settings.endpoint.token,
        socket=settings.run / SOCKET,
    )
    return Source(bus.log, bus.blobs, remotes, Templates(), SourceSettings())


def _builder(settings: PlatformSettings, bus: Bus) -> Builder:
    chosen, tools = settings.settings, settings.tools
    bundles = BundleSettings(
        wheels_only=not chosen.build_from_source,
        path=tools.get("PATH", os.defpath),
        environment={name: value for name, value in tools.items() if name != "PATH"},
    )
    images = BundleBuilder(bus.blobs, settings.home, bundles)
    return Builder(
        bus.log,
        bus.follow,
        bus.blobs,
        bus.lines,
        images,
        BuilderSettings(places=chosen.builds),
    )
