"""Comments: a pull request with a preview says where that is, in one comment.

Reads   run.queued/1, run.resolved/1 and ends of runs, pull.held/1, pull.closed/1, environment.*
Writes  comment.written/1, comment.deleted/1, comment.refused/1
Calls   Comments: the pull request's own forge
Twice   is harmless: what is to be said is compared with what was written; where that is not known,
        our comment is looked for by its marker before there is another

What is written is how things stand at that moment, whatever event had it look: an old event never
brings an old text back, and of events that wait for a forge only the newest goes on waiting. A
comment that somebody has deleted stays away until there is another commit.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, Literal

import structlog

from bus.fold import Fold
from bus.log import EventLog, Guard
from consumers.comments.forge import Comments as Forge
from consumers.comments.forge import NotTaken, Place, RefusedByForge
from consumers.comments.pulls import Project, Pull, of_event
from consumers.comments.text import body
from consumers.forges.asking import ForgeRefused
from consumers.status.standing import Links
from schemas import subjects
from schemas.envelope import Aggregate, Recorded
from schemas.errors import Conflict, Retry
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

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Comments:
    """A worker; ``bus/work`` calls ``handle``."""

    events: EventLog
    fold: Fold[Project]
    forges: Mapping[str, Forge]  # those that we can write to
    links: Links
    places: int = 32  # most of them wait for their turn with their forge
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
        if not number:
            return
        try:
            await self._settle(event, number, forge)
        except NotTaken as error:
            log.warning("comment_not_taken", number=number, why=error.message)
        except Retry as error:
            pull = self._pull(event, number)
            if pull is not None and pull.seq <= event.seq:
                raise
            log.info("left_unwritten", number=number, why=error.code)

    async def _settle(self, event: Recorded[Event], number: int, forge: Forge) -> None:
        afresh = False
        for _ in range(TRIES):
            try:
                if await self._write(event, number, forge, afresh=afresh):
                    return
            except Conflict:  # another of us wrote meanwhile: ours may have come last
                afresh = True
        raise Conflict(f"what is written about pull request {number} does not stand still")

    def _pull(self, event: Recorded[Event], number: int) -> Pull | None:
        project = self.fold.rows.get(self.key(event))
        return None if project is None else project.pulls.get(number)

    async def _write(
        self, event: Recorded[Event], number: int, forge: Forge, *, afresh: bool
    ) -> bool:
        """Write the comment, if it says something else by now, and write down that it does.

        Return whether that was all: not, where the comment of an older commit was deleted.
        """
        of = _about(event, number)
        over = subjects.history(of)
        guard = Guard(over, await self.events.last_seq(over))
        await self.fold.reached(guard.seq)
        pull = self._pull(event, number)
        if pull is None or not pull.heard:
            return True
        place = Place(event.of.project, pull.repository, number)
        text = body(pull, place.marker, self.links)
        digest = digest_of(text.encode())
        known = digest == pull.text and not afresh
        if not text or known or not forge.reaches(place):
            return True
        try:
            fact = await _told(pull, place, forge, text)
        except ForgeRefused as error:
            raise await self._refused(event, of, pull, error) from error
        if fact is None:
            return True
        told = (str(pull.seq), fact.comment, digest.partition(":")[2][:16])
        id = event_id(self.durable, event.id, fact, str(number), *told)
        try:
            await self.events.append(
                fact, of=of, id=id, cause=event, actor=self.durable, guard=guard
            )
        except Conflict:
            if not pull.comment and isinstance(fact, CommentWritten):
                log.info("comment_made_twice", number=number, removed=fact.comment)
                await self._spared(event, place, fact.comment, forge)
            raise
        return isinstance(fact, CommentWritten) or fact.sha == pull.sha

    async def _spared(
        self, event: Recorded[Event], place: Place, comment: str, forge: Forge
    ) -> None:
        """Remove a comment that another of us has made, too, at the same moment."""
        over = subjects.history(_about(event, place.number))
        await self.fold.reached(await self.events.last_seq(over))
        pull = self._pull(event, place.number)
        if pull is not None and pull.comment not in ("", comment):
            await forge.remove(place, comment)

    async def _refused(
        self, event: Recorded[Event], of: Aggregate, pull: Pull, error: ForgeRefused
    ) -> RefusedByForge:
        """Write down that a forge does not let us, once for each event; return what to raise."""
        fact = CommentRefused(pull.number, pull.sha, error.code, str(error))
        digest = digest_of(fact.message.encode()).partition(":")[2][:16]
        id = event_id(self.durable, event.id, fact, pull.sha, digest)
        await self.events.append(fact, of=of, id=id, cause=event, actor=self.durable)
        return RefusedByForge(error.message, hint=error.hint)


def _about(event: Recorded[Event], number: int) -> Aggregate:
    """Return what the facts about a pull request's comment are about."""
    return Aggregate(event.of.forge, event.of.project, "comment", str(number))


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
