"""Status: forges show how each commit stands.

Reads   run.*, function.deploy-started/1, function.deployed/1, function.deploy-failed/1,
        pull.held/1, pull.closed/1, environment.refused/1
Writes  status.reported/1, status.report-failed/1
Calls   Forge: the commit's own
Twice   is harmless: it compares what a commit is like with what its forge was told, whatever event
        had it look; what was told and not written down is found there, and told once more

Nobody waits for it. What is told is how things stand at that moment, so no event waits for a forge
that is away or refuses us: that its commit does is written down, and ``forges/waiting`` has it
told later.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar, Final, Literal, Protocol
from weakref import WeakValueDictionary

import structlog
from msgspec.structs import replace

from bus.fold import Fold
from bus.log import EventLog, Guard
from consumers.forges.asking import ForgeRefused, ForgeUnavailable
from consumers.forges.checks import Check
from consumers.forges.doors import Doors
from consumers.forges.waiting import Left
from consumers.status import commits, facts
from consumers.status.commits import Commit, Project, Told
from consumers.status.decide import Saying, next_saying
from consumers.status.report import Forge, NotTaken, Report, ReportRefused, actions
from consumers.status.standing import Links, Standing, Text
from schemas import subjects
from schemas.envelope import Recorded
from schemas.errors import Conflict, IdReused
from schemas.events import Event
from schemas.events.environment import EnvironmentRefused
from schemas.events.function import FunctionDeployed, FunctionDeployFailed, FunctionDeployStarted
from schemas.events.pull import PullClosed, PullHeld
from schemas.events.run import (
    RunArchived,
    RunBuildFailed,
    RunBuildStarted,
    RunBuilt,
    RunCancelled,
    RunDelayed,
    RunFinished,
    RunQueued,
    RunRejected,
    RunResolved,
    RunSuperseded,
)
from schemas.events.status import StatusReported, StatusReportFailed
from schemas.ids import event_id
from schemas.tenants import account

MOST: Final = 1000  # messages about one commit because of one event
ABREAST: Final = 8  # projects of an account
PAUSE: Final = timedelta(minutes=10)  # before a forge that has refused us is asked again

log = structlog.get_logger(__name__)


class Texts(Protocol):
    """What people read: ``texts.render``."""

    def __call__(self, at: Standing, *, function: str, links: Links, log: str) -> Text:
        """Return the text about a commit, or about one of its functions."""
        ...


class Logs(Protocol):
    """Where builds' last lines are: ``logs.BuildTails``."""

    async def tail(self, at: Standing, function: str) -> str:
        """Return them, "" for none."""
        ...


@dataclass(frozen=True, slots=True)
class Status:
    """A worker; ``bus/work`` calls ``handle``."""

    events: EventLog
    fold: Fold[Project]
    forges: Mapping[str, Forge]  # those that we can tell anything
    texts: Texts
    logs: Logs
    links: Links
    clock: Callable[[], datetime]
    doors: Doors
    places: int = 200  # most of them wait for their turn with their forge
    turns: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)
    durable: ClassVar[str] = "status"
    reads: ClassVar = (
        RunQueued,
        RunResolved,
        RunArchived,
        RunBuildStarted,
        RunBuilt,
        RunBuildFailed,
        RunDelayed,
        RunRejected,
        RunSuperseded,
        RunCancelled,
        RunFinished,
        FunctionDeployStarted,
        FunctionDeployed,
        FunctionDeployFailed,
        PullHeld,
        PullClosed,
        EnvironmentRefused,
    )
    reads_of: ClassVar = ("github", "gitlab")
    begins: ClassVar[Literal["first", "now"]] = "now"

    def key(self, event: Recorded[Event]) -> str:
        """Return the project."""
        return f"{event.of.forge} {event.of.project}"

    def lane(self, event: Recorded[Event]) -> str:
        """Return whose the project is: accounts take turns."""
        return account(event.of.forge, event.name)

    def most(self, lane: str) -> int:  # noqa: ARG002 - the same for each
        """Return how many projects of an account are told of at once.

        A forge takes their messages one after the other; one that hangs leaves places for others.
        """
        return ABREAST

    async def handle(self, event: Recorded[Event]) -> None:
        """Tell the forge what it does not know of the commits that a fact is about."""
        forge = self.forges.get(event.of.forge)
        if forge is None:
            return
        await self.fold.reached(event.seq)
        project = self.fold.rows.get(self.key(event), Project())
        for place in commits.of_event(project, event):
            await self._settle(self.key(event), place, forge, event)

    def left(self, forge: str) -> list[Left]:
        """Return the commits that wait for a forge."""
        now = self.clock()
        return [
            Left(account(forge, one.standing.repository.owner), key, place)
            for key, project in self.fold.rows.items()
            if key.startswith(f"{forge} ")
            for place, one in project.commits.items()
            if one.waits is not None and one.waits.lasts(now)
        ]

    async def tell(self, forge: str, left: Left) -> None:
        """Tell a forge of a commit that waits, unless there is nothing to be told any more."""
        commit = self._commit(left.key, left.at)
        if commit is None or next_saying(commit, stages=self.forges[forge].stages) is None:
            return
        await self.fold.reached(await self.events.head())
        await self._settle(left.key, left.at, self.forges[forge], None)

    async def _settle(
        self, key: str, place: str, forge: Forge, cause: Recorded[Event] | None
    ) -> None:
        """Tell all that is to be told of one commit, by what is known by then."""
        afresh: frozenset[str] = frozenset()
        async with self.turns.setdefault(f"{key} {place}", asyncio.Lock()):
            for _ in range(MOST):
                commit = self._commit(key, place)
                if commit is None or not forge.reaches(commit.standing):
                    return
                saying = next_saying(commit, stages=forge.stages, afresh=afresh)
                if saying is None:
                    return
                try:
                    await self._tell(commit, saying, forge, cause)
                    afresh -= {saying.function}
                except Conflict:  # another of us wrote meanwhile: ours may have come last
                    afresh |= {saying.function}
                except (ForgeUnavailable, ReportRefused) as error:
                    await self._wait(commit, saying, error, cause)
                    return

    def _commit(self, key: str, place: str) -> Commit | None:
        project = self.fold.rows.get(key)
        return None if project is None else project.commits.get(place)

    async def _tell(
        self, commit: Commit, saying: Saying, forge: Forge, cause: Recorded[Event] | None
    ) -> None:
        """Have one thing shown, and write down that it is."""
        at, told = commit.standing, commit.told.get(saying.function, Told())
        guard = await self._guard(at, saying)
        report = await self._report(at, saying)
        fact: StatusReported | StatusReportFailed
        try:
            fact = facts.reported(at, saying, await self._ask(at, report, told.check, forge))
        except NotTaken as error:
            fact = facts.failed(at, saying, error, waits=False)
        await self._write(at, saying, fact, cause, guard)

    async def _ask(self, at: Standing, report: Report, check: str, forge: Forge) -> str:
        """Have a forge show it; what came of that, all learn who want to tell it something."""
        door = _door(at)
        self.doors.enter(at.forge, door)
        try:
            shown = await forge.tell(at, report, check)
        except ForgeUnavailable as error:
            self.doors.silent(at.forge, door, error)
            raise
        except ForgeRefused as error:
            log.warning("status_refused", project=at.repository.full_name, why=str(error))
            refused = ReportRefused(error.message, hint=error.hint)
            self.doors.refused(at.forge, door, refused, PAUSE)
            raise refused from error
        except NotTaken:
            self.doors.answered(at.forge, door)
            raise
        self.doors.answered(at.forge, door)
        return shown

    async def _wait(
        self,
        commit: Commit,
        saying: Saying,
        error: ForgeUnavailable | ReportRefused,
        cause: Recorded[Event] | None,
    ) -> None:
        """Write down that a commit waits, and why, unless that is known."""
        if commit.waits is not None and commit.waits.says(error.code, self.clock()):
            return
        at = commit.standing
        fact, guard = facts.failed(at, saying, error, waits=True), await self._guard(at, saying)
        with suppress(Conflict, IdReused):  # another of us was told the same
            await self._write(at, saying, fact, cause, guard)

    async def _guard(self, at: Standing, saying: Saying) -> Guard:
        """Return what is moved by another of us that tells of the same, too."""
        over = subjects.history(facts.status(at, saying.function))
        guard = Guard(over, await self.events.last_seq(over))
        await self.fold.reached(guard.seq)
        return guard

    async def _write(
        self,
        at: Standing,
        saying: Saying,
        fact: StatusReported | StatusReportFailed,
        cause: Recorded[Event] | None,
        guard: Guard,
    ) -> None:
        of = facts.status(at, saying.function)
        base = cause.id if cause else f"{at.forge}:{at.project}:{guard.seq}"
        id = event_id(self.durable, base, fact, of.id, str(saying.as_of), saying.status)
        if isinstance(fact, StatusReportFailed) and fact.waits:
            id += f":{fact.code}:{guard.seq}"
        seq = await self.events.append(
            fact,
            of=of,
            id=id,
            cause=cause,
            run=at.run,
            actor=self.durable,
            name="" if cause else at.repository.full_name,
            guard=guard,
        )
        await self.fold.reached(seq)

    async def _report(self, at: Standing, saying: Saying) -> Report:
        """Return what people are to see."""
        function = at.function(saying.function) if saying.function else None
        written = ""
        if function is not None and saying.status == "completed" and not at.again:
            written = await self.logs.tail(at, saying.function)
        check = Check(environment=at.environment, function=saying.function, run=at.run)
        if not at.run and at.state != "refused":
            check = replace(check, pull=at.pull, sha=at.sha)
        live = function is not None and saying.conclusion == "success"
        return Report(
            saying=saying,
            about=check,
            text=self.texts(at, function=saying.function, links=self.links, log=written),
            actions=actions(saying),
            url=_url(at, self.links, saying.function if live else ""),
            started=at.queued if function is None else function.archived or at.queued,
            completed=at.finished if function is None else function.ended or at.finished,
        )


def _door(at: Standing) -> str:
    """Return whose refusal it is: an installation's, or a project's where there is none."""
    return f"{at.forge} {at.repository.installation or at.project}"


def _url(at: Standing, links: Links, live: str) -> str:
    """Return where more is to be seen: the function that is live, or what its run did."""
    if live:
        return links.function(at, live)
    return links.run(at.run) if at.run else ""
