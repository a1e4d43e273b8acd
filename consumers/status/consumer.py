"""Status: forges show how each commit stands.

Reads   run.*, function.deploy-started/1, function.deployed/1, function.deploy-failed/1,
        pull.held/1, pull.closed/1, environment.refused/1
Writes  status.reported/1, status.report-failed/1
Calls   Forge: the commit's own
Twice   is harmless: it compares what a commit is like with what its forge was told, whatever event
        had it look; what was told and not written down is found there, and told once more

Nobody waits for it. What is told is how things stand at that moment, so of events that wait for a
forge that is away only a commit's newest goes on waiting.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar, Final, Literal, Protocol

import structlog
from msgspec.structs import replace

from bus.fold import Fold
from bus.log import EventLog, Guard
from consumers.forges.asking import ForgeRefused
from consumers.forges.checks import Check
from consumers.status import commits
from consumers.status.commits import Commit, Project, Told
from consumers.status.decide import Saying, next_saying
from consumers.status.report import Forge, NotTaken, Report, ReportRefused, actions
from consumers.status.standing import Links, Standing, Text
from schemas import subjects
from schemas.envelope import Aggregate, Recorded
from schemas.errors import Conflict, PushlineError, Retry
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
    places: int = 200  # most of them wait for their turn with their forge
    shut: dict[str, tuple[datetime, str]] = field(default_factory=dict)  # until when, and why
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
            if forge.reaches(project.commits[place].standing):
                await self._settle(event, place, forge)

    async def _settle(self, event: Recorded[Event], place: str, forge: Forge) -> None:
        """Tell all that is to be told of one commit, by what is known by then."""
        afresh: frozenset[str] = frozenset()
        for _ in range(MOST):
            if (commit := self._commit(event, place)) is None:
                return
            saying = next_saying(commit, stages=forge.stages, afresh=afresh)
            if saying is None:
                return
            try:
                await self._tell(event, commit, saying, forge)
                afresh -= {saying.function}
            except Conflict:  # another of us wrote meanwhile: ours may have come last
                afresh |= {saying.function}
            except Retry as error:
                if self._lasts(event, place, error):
                    raise
                log.info("left_untold", place=place, why=error.code)
                return

    def _lasts(self, event: Recorded[Event], place: str, error: Retry) -> bool:
        """Tell whether an event is to wait: the newest of its commit, and not for ever."""
        commit = self._commit(event, place)
        if commit is None or commit.standing.seq > event.seq:
            return False
        return not isinstance(error, ReportRefused) or self.clock() - event.time < error.patience

    def _commit(self, event: Recorded[Event], place: str) -> Commit | None:
        project = self.fold.rows.get(self.key(event))
        return None if project is None else project.commits.get(place)

    async def _tell(
        self, event: Recorded[Event], commit: Commit, saying: Saying, forge: Forge
    ) -> None:
        """Have one thing shown, and write down that it is."""
        at, told = commit.standing, commit.told.get(saying.function, Told())
        self._check_open(at)
        of = _status(at, saying.function)
        over = subjects.history(of)
        guard = Guard(over, await self.events.last_seq(over))
        await self.fold.reached(guard.seq)
        report = await self._report(at, saying)
        fact: StatusReported | StatusReportFailed
        refused: ReportRefused | None = None
        try:
            fact = _reported(at, saying, await forge.tell(at, report, told.check))
        except NotTaken as error:
            fact = _failed(at, saying, error, waits=False)
        except ForgeRefused as error:
            fact, refused = _failed(at, saying, error, waits=True), self._shut(at, error)
        id = event_id(self.durable, event.id, fact, of.id, str(saying.as_of), saying.status)
        seq = await self.events.append(
            fact, of=of, id=id, cause=event, run=at.run, actor=self.durable, guard=guard
        )
        await self.fold.reached(seq)
        if refused is not None:
            raise refused

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

    def _check_open(self, at: Standing) -> None:
        """Raise ReportRefused while a forge that refused us is left alone."""
        until, why = self.shut.get(_door(at), (None, ""))
        if until is not None and self.clock() < until:
            raise ReportRefused(why)

    def _shut(self, at: Standing, error: ForgeRefused) -> ReportRefused:
        self.shut[_door(at)] = self.clock() + PAUSE, error.message
        log.warning("status_refused", project=at.repository.full_name, why=str(error))
        return ReportRefused(error.message, hint=error.hint)


def _door(at: Standing) -> str:
    """Return whose refusal it is: an installation's, or a project's where there is none."""
    return f"{at.forge} {at.repository.installation or at.project}"


def _url(at: Standing, links: Links, live: str) -> str:
    """Return where more is to be seen: the function that is live, or what its run did."""
    if live:
        return links.function(at, live)
    return links.run(at.run) if at.run else ""


def _status(at: Standing, function: str) -> Aggregate:
    """Return what a forge's knowledge of a commit is kept under."""
    return Aggregate(at.forge, at.project, "status", f"{at.environment}/{function}@{at.sha}")


def _reported(at: Standing, saying: Saying, check: str) -> StatusReported:
    return StatusReported(
        environment=at.environment,
        sha=at.sha,
        headline=saying.headline,
        as_of=saying.as_of,
        function=saying.function,
        run=at.run,
        status=saying.status,
        conclusion=saying.conclusion,
        check=check,
    )


def _failed(
    at: Standing, saying: Saying, error: PushlineError, *, waits: bool
) -> StatusReportFailed:
    return StatusReportFailed(
        environment=at.environment,
        sha=at.sha,
        headline=saying.headline,
        as_of=saying.as_of,
        code=error.code,
        message=str(error),
        function=saying.function,
        run=at.run,
        waits=waits,
    )
