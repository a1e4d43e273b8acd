"""Builder: turn one function's archive into an image.

Reads   run.archived/1; of its run, run.queued/1 and run.resolved/1; how many builds of an
        account may run at once
Writes  run.build-started/1, then run.built/1 or run.build-failed/1; lines to LOGS
Calls   an ImageBuilder
Twice   is harmless: the image is keyed by its archive, the fact by its cause
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import msgspec
import structlog

from bus.allowance import Allowance
from bus.blobs import Blobs
from bus.follow import Follow
from bus.lines import Lines
from bus.log import EventLog
from consumers.builder.images import Built, ImageBuilder, Order
from consumers.builder.log import BuildLog
from schemas.envelope import Aggregate, Recorded
from schemas.errors import BuildFailed, GiveUp, IdReused, Retry
from schemas.events.run import (
    ENDED,
    RunArchived,
    RunBuildFailed,
    RunBuildStarted,
    RunBuilt,
    RunQueued,
    RunResolved,
)
from schemas.ids import event_id
from schemas.stack import FunctionSpec
from schemas.subjects import build_log, history
from schemas.tenants import account

log = structlog.get_logger(__name__)


class RunUnknown(GiveUp):
    """An archive is of a run that was never queued."""

    code = "run_unknown"


class BuilderSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How much is built at once, and how much it may write."""

    places: int = 2  # builds at a time
    log_bytes: int = 4 * 1024 * 1024  # of one build's log


@dataclass(frozen=True, slots=True)
class Builder:
    """A worker; ``bus/work`` calls ``handle``."""

    events: EventLog
    follow: Follow
    blobs: Blobs
    lines: Lines
    images: ImageBuilder
    settings: BuilderSettings
    allowance: Allowance = field(default_factory=lambda: Allowance(0))  # of lines kept
    allowed: Callable[[str], int] = field(default=lambda _: 0)  # builds of an account at once
    durable: ClassVar[str] = "builder"
    reads: ClassVar[tuple[type[RunArchived], ...]] = (RunArchived,)
    begins: ClassVar[Literal["first", "now"]] = "first"
    tells: ClassVar[bool] = True

    @property
    def places(self) -> int:
        """Return how many builds run at once."""
        return self.settings.places

    def key(self, archived: Recorded[RunArchived]) -> str:
        """Return the function: its builds come one after the other."""
        return f"{archived.of.forge}/{archived.of.project}/{archived.fact.function}"

    def lane(self, archived: Recorded[RunArchived]) -> str:
        """Return whose the builds are: accounts take turns."""
        return account(archived.of.forge, archived.name)

    def most(self, lane: str) -> int:
        """Return how many builds of an account may run at once here; 0: any number."""
        return self.allowed(lane)

    async def handle(self, archived: Recorded[RunArchived]) -> None:
        """Build unless the run has ended; record what came of it."""
        run, name = archived.of, archived.fact.function
        if await self.ended(run) or await self.recorded(archived):
            log.info("build_skipped", run=run.id, function=name)
            return
        started = RunBuildStarted(function=name)
        key = event_id(self.durable, archived.id, started, name)
        since = await self.events.append(
            started, of=run, id=key, cause=archived, actor=self.durable
        )
        outcome = await self.outcome(archived, since)
        if outcome is None:
            log.info("build_cancelled", run=run.id, function=name)
            return
        await self.record(archived, outcome)

    async def gave_up(self, archived: Recorded[RunArchived], code: str, reason: str) -> None:
        """End the build for those who wait for it: it could not even be tried."""
        if await self.ended(archived.of) or await self.recorded(archived):
            return
        outcome = RunBuildFailed(function=archived.fact.function, code=code, message=reason)
        await self.record(archived, outcome)

    async def record(
        self, archived: Recorded[RunArchived], outcome: RunBuilt | RunBuildFailed
    ) -> None:
        """Append what came of the build."""
        run, name = archived.of, archived.fact.function
        key = event_id(self.durable, archived.id, outcome, name)
        try:
            await self.events.append(outcome, of=run, id=key, cause=archived, actor=self.durable)
        except IdReused:
            # Another delivery of the same archive was quicker; only its times differ.
            log.info("build_known", run=run.id, function=name)

    async def outcome(
        self, archived: Recorded[RunArchived], since: int
    ) -> RunBuilt | RunBuildFailed | None:
        """Return what came of the build, None when its run has ended after ``since``."""
        fact, run = archived.fact, archived.of
        order = await self.order(archived)
        subject = build_log(run.forge, run.project, run.id, fact.function)
        limit, whose = self.settings.log_bytes, order.label
        async with BuildLog(self.lines, subject, limit, whose, self.allowance) as lines:
            try:
                build = self.images.build(order, lines.say)
                built = await self.unless_ended(run, since, build)
            except Retry as error:
                lines.say(f"{error}; it will be tried again")
                raise
            except BuildFailed as error:
                tail = error.tail or lines.tail
                lines.say(f"error: {error}")
                return RunBuildFailed(
                    function=fact.function, code=error.code, message=str(error), tail=tail
                )
        if built is None:
            return None
        return RunBuilt(
            function=fact.function,
            image=built.image,
            spec=fact.spec,
            cached=built.cached,
            tool_ms=built.tool_ms,
            reference=built.reference,
            attestations=built.attestations,
        )

    async def order(self, archived: Recorded[RunArchived]) -> Order:
        """Return what is to be built; raises RunUnknown."""
        fact, run = archived.fact, archived.of
        body, queued, resolved = await asyncio.gather(
            self.blobs.get(fact.spec),
            self.events.last(run, RunQueued),
            self.events.last(run, RunResolved),
        )
        if queued is None:
            raise RunUnknown(f"run {run.id} was never queued")
        return Order(
            archive=fact.archive,
            spec=msgspec.json.decode(body, type=FunctionSpec),
            run=run,
            repository=queued.fact.repository,
            branch=queued.fact.branch,
            sha=resolved.fact.sha if resolved else queued.fact.sha,
            environment=queued.fact.environment,
            label=queued.fact.label,
        )

    async def unless_ended(
        self, run: Aggregate, since: int, build: Coroutine[Any, Any, Built]
    ) -> Built | None:
        """Return what ``build`` returns; when the run ends first, stop it at once, return None."""
        building = asyncio.create_task(build)
        ending = asyncio.create_task(self.end_of(run, since))
        try:
            await asyncio.wait({building, ending}, return_when=asyncio.FIRST_COMPLETED)
            if building.done():
                return building.result()
            ending.result()  # raises what kept us from following the log
            return None
        finally:
            for task in (building, ending):
                task.cancel()
            await asyncio.wait({building, ending})

    async def end_of(self, run: Aggregate, since: int) -> None:
        """Return once nobody waits for this run any more."""
        async with aclosing(self.follow.events(after=since)) as facts:
            async for event in facts:
                if event.of == run and isinstance(event.fact, ENDED):
                    return

    async def ended(self, run: Aggregate) -> bool:
        """Tell whether nobody waits for this run any more."""
        return await self.events.last(run, *ENDED) is not None

    async def recorded(self, archived: Recorded[RunArchived]) -> bool:
        """Tell whether this archive's build has an outcome, which another would contradict."""
        newest = await self.events.last(archived.of, RunBuilt, RunBuildFailed)
        if newest is None or newest.cause == archived.id:
            return newest is not None
        # Another function's outcome is the newest: look through the run.
        facts = self.follow.events(
            after=archived.seq, until=newest.seq, filter=history(archived.of)
        )
        async with aclosing(facts):
            async for event in facts:
                outcome = isinstance(event.fact, RunBuilt | RunBuildFailed)
                if outcome and event.cause == archived.id:
                    return True
        return False
