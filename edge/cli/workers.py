"""Every consumer by its name, and how it is made of adapters."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, Final

import msgspec

from bus import durables
from bus.envelope import now
from bus.fold import Fold
from bus.work import Worker
from consumers.audit.consumer import audit
from consumers.builder.consumer import Builder, BuilderSettings
from consumers.builder.keeper import Keeper
from consumers.collector import artefacts, buildlogs
from consumers.collector.buildlogs import OldLogs
from consumers.collector.clearing import Clearing, keep_clear
from consumers.collector.consumer import Collector
from consumers.collector.consumer import Folds as Collected
from consumers.collector.sweep import keep_swept
from consumers.comments import pulls
from consumers.comments.consumer import Comments
from consumers.customers.consumer import keep
from consumers.customers.origin import origin_of
from consumers.deployer.consumer import Deployer
from consumers.deployer.reconcile import reconcile
from consumers.forges import customers
from consumers.forges.doors import Doors
from consumers.forges.waiting import keep_told
from consumers.intake import consumer as intake
from consumers.intake.again import IntakeAgain
from consumers.intake.consumer import Intake
from consumers.metrics import consumer as metrics
from consumers.planner.consumer import Planner
from consumers.planner.folds import Folds
from consumers.planner.previews import Limits
from consumers.recovery.consumer import keep_recovered
from consumers.recovery.known import Known
from consumers.run import Job, jobs
from consumers.secrets.consumer import Sweeper
from consumers.source.archive import Templates
from consumers.source.consumer import Source
from consumers.source.limits import SourceSettings
from consumers.status import commits
from consumers.status.consumer import Status
from consumers.status.logs import BuildTails
from consumers.status.texts.render import render
from consumers.timer.calls import Calls
from consumers.timer.consumer import Timekeeper
from consumers.timer.setting import keep_set
from consumers.timer.wanted import wanted
from edge.cli import allotting, audit_sinks
from edge.cli.adapters import Adapters
from edge.cli.home import Home
from edge.cli.recovering import recoveries_of
from edge.cli.showing import commenting, links, showing
from schemas.errors import SettingInvalid

DURABLE: Final[tuple[type[Worker], ...]] = (
    Intake,
    IntakeAgain,
    Planner,
    Source,
    Builder,
    Keeper,
    Deployer,
    Sweeper,
    Timekeeper,
    Calls,
    Collector,
    Status,
    Comments,
)


OF: Final = {"intake-again": "intake", "timer-calls": "timer"}  # whose a durable is, if not its own


class Consumers(msgspec.Struct, frozen=True):
    """What runs: jobs that may crash and come back, and folds that may not stop."""

    jobs: dict[str, Job]
    folds: tuple[Fold[Any], ...] = ()


def named(names: Iterable[str]) -> tuple[str, ...]:
    """Return each name once; SettingInvalid for one that nobody has."""
    if strange := [name for name in names if name not in CONSUMERS]:
        raise SettingInvalid(
            f"there is no consumer {', '.join(strange)}", hint=f"there are {', '.join(CONSUMERS)}"
        )
    return tuple(dict.fromkeys(names))


def make(parts: Adapters, names: Iterable[str] = ()) -> Consumers:
    """Return the consumers of these names, all when none is named, and the folds they decide by.

    Raises SettingInvalid for a name that nobody has.
    """
    made = [CONSUMERS[name](parts) for name in named(names) or CONSUMERS]
    return Consumers(
        {name: job for each in made for name, job in each.jobs.items()},
        tuple(fold for each in made for fold in each.folds),
    )


def _intake(parts: Adapters) -> Consumers:
    bus, fold = parts.bus, intake.fold(parts.settings.snapshots)
    listed = customers.fold("intake-customers", parts.settings.snapshots)
    forges = parts.forges
    worker = Intake(bus.log, fold, listed, forges.installs, forges.buttons, forges.accounts)
    again = IntakeAgain(worker, bus.deliveries, bus.follow.events)
    return Consumers(jobs(bus, (worker, again)), (fold, listed))


def _customers(parts: Adapters) -> Consumers:
    bus, origin = parts.bus, origin_of(parts.settings.settings.customers)
    listed = customers.fold("customers", parts.settings.snapshots)

    async def kept(stopping: asyncio.Event) -> None:
        await keep(bus.log, listed, origin, stopping)

    return Consumers({"customers": kept}, (listed,))


def _planner(parts: Adapters) -> Consumers:
    folds = Folds.kept(parts.settings.snapshots)
    chosen = parts.settings.settings
    limits = Limits(previews=chosen.previews, days=chosen.preview_days)
    return _worker(parts, Planner(parts.bus.log, folds, limits), *folds.all())


def _source(parts: Adapters) -> Consumers:
    bus = parts.bus
    limits, honoured = SourceSettings(), parts.honoured
    quotas = allotting.quotas(parts.settings.settings, parts.settings.snapshots)
    source = Source(
        bus.log,
        bus.blobs,
        parts.remotes,
        Templates(),
        limits,
        honoured=honoured,
        secrets=parts.known_secrets,
        binding=parts.binder,
        quotas=quotas,
    )
    return _worker(parts, source, *quotas.all())


def _builder(parts: Adapters) -> Consumers:
    bus, limits = parts.bus, BuilderSettings(places=parts.settings.settings.builds)
    said, allowed = allotting.builds(parts.settings.settings, parts.settings.snapshots)
    builder = Builder(
        bus.log,
        bus.follow,
        bus.blobs,
        bus.lines,
        parts.images,
        limits,
        allowance=parts.allowance,
        allowed=allowed,
    )
    return _worker(parts, builder, said)


def _keeper(parts: Adapters) -> Consumers:
    return _worker(parts, Keeper(parts.bus.log, parts.bus.lines, parts.bus.build_logs))


def _deployer(parts: Adapters) -> Consumers:
    return _worker(parts, Deployer(parts.bus.log, parts.bus.blobs, parts.platform))


def _secrets(parts: Adapters) -> Consumers:
    bus = parts.bus
    if parts.settings.settings.platform != "openfaas":  # others hand values out at each start
        return _worker(parts, Sweeper(bus.blobs))
    from edge.cli.kept_secrets import kept_secrets

    kept = kept_secrets(parts)
    return _worker(parts, Sweeper(bus.blobs, kept), *kept.folds)


def _reconciler(parts: Adapters) -> Consumers:
    async def reconciled(stopping: asyncio.Event) -> None:
        await reconcile(parts.bus, parts.platform, stopping, parts.settings.snapshots)

    beside: dict[str, Job] = {"reconciler": reconciled}
    if parts.settings.settings.platform == "openfaas":  # others write their functions' logs
        from consumers.deployer.openfaas.logs import follow_logs

        async def followed(stopping: asyncio.Event) -> None:
            await follow_logs(
                parts.bus,
                parts.gateway,
                stopping,
                parts.settings.snapshots,
                allowance=parts.allowance,
            )

        beside["function-logs"] = followed
    return Consumers(beside)


def _recovery(parts: Adapters) -> Consumers:
    known = Known.kept(parts.settings.snapshots)
    listed = customers.fold("recovery-customers", parts.settings.snapshots)
    recoveries = recoveries_of(parts.forges, parts.bus, known, listed, parts.settings.settings)

    async def recovered(stopping: asyncio.Event) -> None:
        await keep_recovered(recoveries, parts.bus.log, parts.bus.follow, stopping)

    return Consumers({"recovery": recovered}, (*known.all(), listed))


def _timer(parts: Adapters) -> Consumers:
    bus, fold = parts.bus, wanted(parts.settings.snapshots)
    timeout = timedelta(hours=parts.settings.settings.run_timeout_hours)
    keeper = Timekeeper(bus.log, fold, timeout)
    calls = Calls(bus.log, bus.follow.events, fold, parts.functions, keeper)

    async def kept(stopping: asyncio.Event) -> None:
        await keep_set(bus, fold, timeout, stopping)

    return Consumers({**jobs(bus, (keeper, calls)), "timer-setting": kept}, (fold,))


def _collector(parts: Adapters) -> Consumers:
    folds = Collected.kept(parts.settings.snapshots)
    grace = timedelta(minutes=parts.settings.settings.collect_grace_minutes)
    collector = Collector(parts.bus.log, folds, parts.evidence, grace)
    made = artefacts.fold(parts.settings.snapshots)
    keep = parts.settings.settings.keep_revisions
    clearing = Clearing(parts.bus.log, made, parts.shelves, keep)
    kept_logs = buildlogs.fold(parts.settings.snapshots)
    age = timedelta(days=parts.settings.settings.build_log_days)
    old_logs = OldLogs(parts.bus.log, kept_logs, parts.bus.build_logs, keep, age)

    async def swept(stopping: asyncio.Event) -> None:
        await keep_swept(collector, stopping)

    async def cleared(stopping: asyncio.Event) -> None:
        await keep_clear(clearing, stopping)

    async def forgot(stopping: asyncio.Event) -> None:
        await keep_clear(old_logs, stopping)

    beside: dict[str, Job] = {
        "collector-sweep": swept,
        "collector-clearing": cleared,
        "collector-logs": forgot,
    }
    followed = (*folds.all(), made, kept_logs)
    return Consumers({**jobs(parts.bus, (collector,)), **beside}, followed)


def _status(parts: Adapters) -> Consumers:
    fold, chosen = commits.fold(parts.settings.snapshots), parts.settings.settings
    status = Status(
        parts.bus.log,
        fold,
        showing(parts.forges, chosen),
        render,
        BuildTails(parts.bus.lines),
        links(parts.settings.endpoint),
        now,
        Doors(now),
    )
    return _telling(parts, status, fold)


def _comments(parts: Adapters) -> Consumers:
    fold, chosen = pulls.fold(parts.settings.snapshots), parts.settings.settings
    forges, at = commenting(parts.forges, chosen), links(parts.settings.endpoint)
    return _telling(parts, Comments(parts.bus.log, fold, forges, at, now, Doors(now)), fold)


def _telling(parts: Adapters, worker: Status | Comments, fold: Fold[Any]) -> Consumers:
    """Return a worker that tells forges of things, and what does so later where it could not."""

    async def told(stopping: asyncio.Event) -> None:
        await keep_told(worker, worker.forges, stopping)

    return Consumers({**jobs(parts.bus, (worker,)), f"{worker.durable}-waiting": told}, (fold,))


def _audit(parts: Adapters) -> Consumers:
    sinks = audit_sinks.sending(parts.settings.settings.audit_sinks)

    async def audited(stopping: asyncio.Event) -> None:
        await audit(parts.bus, Home(parts.settings.home).audit, stopping, sinks)

    return Consumers({"audit": audited})


def _metrics(parts: Adapters) -> Consumers:
    tallies, folder = metrics.fold(parts.settings.snapshots), parts.settings.snapshots
    watched = {worker.durable: durables.stream_of(worker) for worker in DURABLE}

    async def counted(stopping: asyncio.Event) -> None:
        await metrics.metrics(parts.bus, tallies, watched, folder, stopping)

    return Consumers({metrics.NAME: counted}, (tallies,))


def _worker(parts: Adapters, worker: Worker, *folds: Fold[Any]) -> Consumers:
    return Consumers(jobs(parts.bus, (worker,)), folds)


CONSUMERS: Final[dict[str, Callable[[Adapters], Consumers]]] = {
    "intake": _intake,
    "customers": _customers,
    "planner": _planner,
    "source": _source,
    "builder": _builder,
    "keeper": _keeper,
    "deployer": _deployer,
    "secrets": _secrets,
    "reconciler": _reconciler,
    "recovery": _recovery,
    "timer": _timer,
    "collector": _collector,
    "status": _status,
    "comments": _comments,
    "audit": _audit,
    "metrics": _metrics,
}
