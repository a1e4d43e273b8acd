"""Comments: a pull request with a preview says where that is, in one comment.

Reads   run.queued/1, run.resolved/1 and ends of runs, pull.held/1, pull.closed/1, environment.*
Writes  comment.written/1, comment.deleted/1, comment.refused/1
Calls   Comments: the pull request's own forge
Twice   is harmless: what is to be said is compared with what was written; where that is not known,
        our comment is looked for by its marker before there is another

What is written is how things stand at that moment, whatever event had it look: an old event never
brings an old text back, and none waits for a forge that is away or refuses us. That the pull
request does is written down; ``forges/waiting`` has it told later. A comment that somebody has
deleted stays away until there is another commit.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar, Final, Literal
from weakref import WeakValueDictionary

import structlog

from bus.fold import Fold
from bus.log import EventLog, Guard
from consumers.comments.forge import Comments as Forge
from consumers.comments.forge import NotTaken, Place, RefusedByForge
from consumers.comments.pulls import Project, Pull, of_event
from consumers.comments.text import body
from consumers.forges.asking import ForgeRefused, ForgeUnavailable
from consumers.forges.doors import Doors
from consumers.forges.waiting import Left
from consumers.status.standing import Links
from schemas import subjects
from schemas.envelope import Aggregate, Recorded
from schemas.errors import Conflict, IdReused, PushlineError
from schemas.events import Event
from schemas.events.comment import CommentDeleted, CommentRefused, CommentWritten
from schemas.events.environment import (
    EnvironmentClosed,
    EnvironmentOpened,
    EnvironmentRefused,
    EnvironmentRenewed,
)
from schemas.events.pull import PullClosed, PullHeld
from schemas.events.run import (
    RunCancelled,
    RunFinished,
    RunQueued,
    RunRejected,
    RunResolved,
    RunSuperseded,
)
from schemas.ids import digest_of, event_id
from schemas.tenants import account

TRIES: Final = 20  # of one event, while others write, too
PAUSE: Final = timedelta(minutes=10)  # before a forge that has refused us is asked again

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Comments:
    """A worker; ``bus/work`` calls ``handle``."""

    events: EventLog
    fold: Fold[Project]
    forges: Mapping[str, Forge]  # those that we can write to
    links: Links
    clock: Callable[[], datetime]
    doors: Doors
    places: int = 32  # most of them wait for their turn with their forge
    turns: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)
    quiet: dict[str, Pull] = field(default_factory=dict)  # that wait, and need nothing as they are
    durable: ClassVar[str] = "comments"
    reads: ClassVar = (
        RunQueued,
        RunResolved,
        RunRejected,
        RunSuperseded,
        RunCancelled,
        RunFinished,
        PullHeld,
        PullClosed,
        EnvironmentOpened,
        EnvironmentRenewed,
        EnvironmentRefused,
        EnvironmentClosed,
    )
    reads_of: ClassVar = ("github", "gitlab")
    begins: ClassVar[Literal["first", "now"]] = "now"

    def key(self, event: Recorded[Event]) -> str:
        """Return the project."""
        return f"{event.of.forge} {event.of.project}"

    def lane(self, event: Recorded[Event]) -> str:
        """Return whose the project is: accounts take turns."""
        return account(event.of.forge, event.name)

    async def handle(self, event: Recorded[Event]) -> None:
        """Have the comment of a fact's pull request say how things stand."""
        forge = self.forges.get(event.of.forge)
        if forge is None:
            return
        await self.fold.reached(event.seq)
        number = of_event(self.fold.rows.get(self.key(event), Project()), event)
        if number:
            await self._settle(_about(event.of.forge, event.of.project, number), forge, event)

    def left(self, forge: str) -> list[Left]:
        """Return the pull requests that wait for a forge."""
        now = self.clock()
        return [
            Left(account(forge, one.repository.owner), key, number)
            for key, project in self.fold.rows.items()
            if key.startswith(f"{forge} ")
            for number, one in project.pulls.items()
            if one.waits is not None and one.waits.lasts(now)
            if self.quiet.get(f"{key} {number}") is not one
        ]

    async def tell(self, forge: str, left: Left) -> None:
        """Tell a forge of a pull request that waits, unless nothing is to be told any more."""
        of = _about(forge, left.key.partition(" ")[2], left.at)
        about = f"{left.key} {left.at}"
        self.quiet.pop(about, None)
        await self.fold.reached(await self.events.head())
        settled = await self._settle(of, self.forges[forge], None)
        if settled and (pull := self._pull(of)) is not None and pull.waits is not None:
            self.quiet[about] = pull

    async def _settle(self, of: Aggregate, forge: Forge, cause: Recorded[Event] | None) -> bool:
        """Have the comment say how things stand; return whether it need not wait for that."""
        async with self.turns.setdefault(f"{of.forge} {of.project} {of.id}", asyncio.Lock()):
            for attempt in range(TRIES):
                try:
                    if await self._write(of, forge, cause, afresh=attempt > 0):
                        return True
                except Conflict:  # another of us wrote meanwhile: ours may have come last
                    continue
                except NotTaken as error:
                    log.warning("comment_not_taken", number=of.id, why=error.message)
                    await self._refused(of, error, cause, waits=False)
                    return True
                except (ForgeUnavailable, RefusedByForge) as error:
                    await self._refused(of, error, cause, waits=True)
                    return False
        raise Conflict(f"what is written about pull request {of.id} does not stand still")

    def _pull(self, of: Aggregate) -> Pull | None:
        project = self.fold.rows.get(f"{of.forge} {of.project}")
        return None if project is None else project.pulls.get(int(of.id))

    async def _write(
        self, of: Aggregate, forge: Forge, cause: Recorded[Event] | None, *, afresh: bool
    ) -> bool:
        """Write the comment, if it says something else by now, and write down that it does.

        Return whether that was all: not, where the comment of an older commit was deleted.
        """
        guard = await self._guard(of)
        pull = self._pull(of)
        if pull is None or not pull.heard:
            return True
        place = Place(of.project, pull.repository, pull.number)
        text = body(pull, place.marker, self.links)
        digest = digest_of(text.encode())
        known = digest == pull.text and not afresh
        if not text or known or not forge.reaches(place):
            return True
        fact = await self._ask(of, pull, place, forge, text)
        if fact is None:
            return True
        told = (str(pull.seq), fact.comment, digest.partition(":")[2][:16])
        id = event_id(self.durable, _base(of, cause, guard), fact, of.id, *told)
        try:
            await self._record(fact, of, id, cause, guard)
        except Conflict:
            if not pull.comment and isinstance(fact, CommentWritten):
                log.info("comment_made_twice", number=of.id, removed=fact.comment)
                await self._spared(of, place, fact.comment, forge)
            raise
        return isinstance(fact, CommentWritten) or fact.sha == pull.sha

    async def _ask(
        self, of: Aggregate, pull: Pull, place: Place, forge: Forge, text: str
    ) -> CommentWritten | CommentDeleted | None:
        """Have a forge show it; what came of that, all learn who want to tell it something."""
        door = f"{of.forge} {pull.repository.installation or of.project}"
        self.doors.enter(of.forge, door)
        try:
            fact = await _told(pull, place, forge, text)
        except ForgeUnavailable as error:
            self.doors.silent(of.forge, door, error)
            raise
        except ForgeRefused as error:
            refused = RefusedByForge(error.message, hint=error.hint)
            self.doors.refused(of.forge, door, refused, PAUSE)
            raise refused from error
        except NotTaken:
            self.doors.answered(of.forge, door)
            raise
        self.doors.answered(of.forge, door)
        return fact

    async def _spared(self, of: Aggregate, place: Place, comment: str, forge: Forge) -> None:
        """Remove a comment that another of us has made, too, at the same moment."""
        await self._guard(of)
        pull = self._pull(of)
        if pull is not None and pull.comment not in ("", comment):
            await forge.remove(place, comment)

    async def _refused(
        self, of: Aggregate, error: PushlineError, cause: Recorded[Event] | None, *, waits: bool
    ) -> None:
        """Write down that it is not taken, and why, unless that is known."""
        guard = await self._guard(of)
        pull = self._pull(of)
        if pull is None:
            return
        if waits and pull.waits is not None and pull.waits.says(error.code, self.clock()):
            return
        fact = CommentRefused(pull.number, pull.sha, error.code, str(error), waits)
        id = event_id(self.durable, _base(of, cause, guard), fact, pull.sha, str(guard.seq))
        with suppress(Conflict, IdReused):  # another of us was told the same
            await self._record(fact, of, id, cause, guard)

    async def _guard(self, of: Aggregate) -> Guard:
        """Return what is moved by another of us that tells of the same, too."""
        over = subjects.history(of)
        guard = Guard(over, await self.events.last_seq(over))
        await self.fold.reached(guard.seq)
        return guard

    async def _record(
        self,
        fact: CommentWritten | CommentDeleted | CommentRefused,
        of: Aggregate,
        id: str,
        cause: Recorded[Event] | None,
        guard: Guard,
    ) -> None:
        pull = self._pull(of)
        name = pull.repository.full_name if pull and not cause else ""
        seq = await self.events.append(
            fact, of=of, id=id, cause=cause, actor=self.durable, name=name, guard=guard
        )
        await self.fold.reached(seq)


def _about(forge: str, project: str, number: int) -> Aggregate:
    """Return what the facts about a pull request's comment are about."""
    return Aggregate(forge, project, "comment", str(number))


def _base(of: Aggregate, cause: Recorded[Event] | None, guard: Guard) -> str:
    """Return what makes an id another one than that of the same fact at another time."""
    return cause.id if cause else f"{of.forge}:{of.project}:{of.id}:{guard.seq}"


async def _told(
    pull: Pull, place: Place, forge: Forge, text: str
) -> CommentWritten | CommentDeleted | None:
    """Have the forge show a text; return what is to be written down, None where nothing is."""
    comment = pull.comment or await forge.find(place)
    if comment and not await forge.edit(place, comment, text):
        return CommentDeleted(pull.number, comment, pull.about or pull.sha)
    if not comment and pull.ended:
        return None
    comment = comment or await forge.write(place, text)
    return CommentWritten(pull.number, comment, digest_of(text.encode()), pull.sha, pull.seq)
