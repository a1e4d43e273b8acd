"""Deployer: bring one function of a run to life.

Reads   run.built/1
Writes  function.deploy-started/1, function.deployed/1, function.deploy-failed/1
Calls   a Platform
Twice   is harmless: a revision is named by its commit and generation, and a running one is
        answered at once; ids derive from the event

An older generation never overwrites a newer one: every fact is guarded by the history of its
function, which is read anew when somebody else has written meanwhile.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Final, Literal

import msgspec
import structlog

from bus.blobs import Blobs
from bus.log import EventLog, Guard
from consumers.deployer.decide import Wanted, Wishes, ending, failure, overtaken, revision, wanted
from consumers.deployer.platform import Platform, Running
from schemas import subjects
from schemas.envelope import Aggregate, Recorded
from schemas.errors import Conflict, DeployFailed, GiveUp, Retry
from schemas.events import Event
from schemas.events.function import (
    FunctionClaimed,
    FunctionDeployed,
    FunctionDeployFailed,
    FunctionDeployStarted,
    FunctionRemoved,
)
from schemas.events.run import ENDED, RunBuilt, RunQueued, RunResolved
from schemas.ids import event_id, tag_of
from schemas.route import RouteInvalid, options
from schemas.schedule import schedule
from schemas.stack_spec import FunctionSpec
from schemas.tenants import account

PLACES: Final = 8  # functions deployed at the same time; the platform has a limit of its own
CLAIM: Final = (0.02, 0.05, 0.1, 0.2, 0.4)  # seconds between looks: a cached build is this quick
MOVES: Final = 5  # times that somebody may write between our look and our fact

log = structlog.get_logger()


class RunUnknown(GiveUp):
    """A build is of a run that was never queued."""

    code = "run_unknown"


class NotClaimed(Retry):
    """The planner has not yet given the function's name to this project."""

    code = "not_claimed"


@dataclass(frozen=True, slots=True)
class Deployer:
    """A worker; ``bus/work`` calls ``handle``."""

    events: EventLog
    blobs: Blobs
    platform: Platform
    places: int = PLACES
    looks: tuple[float, ...] = CLAIM
    durable: ClassVar = "deployer"
    reads: ClassVar = (RunBuilt,)
    begins: ClassVar[Literal["first", "now"]] = "now"
    tells: ClassVar[bool] = True

    def key(self, built: Recorded[RunBuilt]) -> str:
        """Return the function; its revisions come one after the other."""
        return f"{built.of.forge}/{built.of.project}/{built.fact.function}"

    def lane(self, built: Recorded[RunBuilt]) -> str:
        """Return whose the functions are: accounts take turns."""
        return account(built.of.forge, built.name)

    async def handle(self, built: Recorded[RunBuilt]) -> None:
        """Deploy what was built, unless its run or its generation is past."""
        want = await self._wanted(built)
        await self._claimed(want.function)
        if not await self._begin(want):
            return
        await self._end(want, *await self._run(want))

    async def gave_up(self, built: Recorded[RunBuilt], code: str, reason: str) -> None:
        """End the deployment for those who wait for it: it could not even be tried."""
        if await self.events.last(built.of, RunQueued) is None:
            return
        want = await self._wanted(built)
        await self._record(want, lambda _: failure(want, code, reason), may_stop=False)

    async def _wanted(self, built: Recorded[RunBuilt]) -> Wanted:
        queued = await self.events.last(built.of, RunQueued)
        if queued is None:
            raise RunUnknown(f"run {built.of.id} was never queued")
        resolved = await self.events.last(built.of, RunResolved)
        return wanted(built, queued, resolved)

    async def _claimed(self, function: Aggregate) -> None:
        """Wait a moment for the planner, which claims names as a run is resolved."""
        for pause in self.looks:
            if await self.events.last(function, FunctionClaimed) is not None:
                return
            await asyncio.sleep(pause)
        raise NotClaimed(f"{function.id} is not yet claimed by {function.project}")

    async def _begin(self, want: Wanted) -> bool:
        """Record that the deployment begins; False when it must not."""
        queued = want.queued.fact
        fact = FunctionDeployStarted(
            run=want.built.of.id,
            generation=queued.generation,
            revision=want.id,
            image=want.built.fact.image,
        )
        return await self._record(want, lambda _: fact, may_stop=True)

    async def _run(self, want: Wanted) -> tuple[Running | DeployFailed, Wishes]:
        """Return what came of it, and what the stack asks of router and timer."""
        fact, wishes = want.built.fact, Wishes()
        try:
            spec = msgspec.json.decode(await self.blobs.get(fact.spec), type=FunctionSpec)
            wishes = Wishes(options(spec.annotations), schedule(spec.annotations))
            running = await self.platform.deploy(
                revision(
                    want.function,
                    want.id,
                    image=fact.image,
                    reference=fact.reference,
                    sha=want.sha,
                    queued=want.queued.fact,
                    spec=spec,
                )
            )
        except DeployFailed as error:
            return error, wishes
        except RouteInvalid as error:  # of a stack that an older release let pass
            return DeployFailed(error.message, hint=error.hint), wishes
        return running, wishes

    async def _end(self, want: Wanted, outcome: Running | DeployFailed, wishes: Wishes) -> None:
        """Record what came of it; a run that has begun to deploy finishes."""

        def fact(before: Recorded[Event] | None) -> Event:
            return ending(want, outcome, before, wishes)

        await self._record(want, fact, may_stop=False)

    async def _record(
        self,
        want: Wanted,
        make: Callable[[Recorded[Event] | None], Event],
        *,
        may_stop: bool,
    ) -> bool:
        """Append a fact about the function unless it is past; ``make`` gets what was live."""
        of, built = want.function, want.built
        for _ in range(MOVES):
            seq = await self.events.last_seq(subjects.history(of))
            if why := await self._past(want, may_stop=may_stop):
                log.info("deploy_skipped", run=built.of.id, function=of.id, why=why)
                return False
            before = await self.events.last(of, FunctionDeployed, FunctionRemoved)
            fact = make(before)
            id = event_id(self.durable, built.id, fact)
            try:
                guard = Guard(subjects.history(of), seq)
                await self.events.append(
                    fact, of=of, id=id, cause=built, actor=self.durable, guard=guard
                )
            except Conflict:
                continue  # somebody wrote about this function: look again
            log.info(tag_of(fact), run=built.of.id, function=of.id, revision=want.id)
            return True
        raise Conflict(f"the history of {of.id} does not stand still")

    async def _past(self, want: Wanted, *, may_stop: bool) -> str:
        """Return why nothing is to be done any more, "" when something is."""
        of, run = want.function, want.built.of
        latest = await self.events.last(of, FunctionDeployed, FunctionDeployFailed, FunctionRemoved)
        if why := overtaken(want, latest):
            return why
        if not may_stop or await self.events.last(run, *ENDED) is None:
            return ""
        started = await self.events.last(of, FunctionDeployStarted)
        begun = started is not None and started.fact.run == run.id
        return "" if begun else "run ended"
