"""POST git-receive-pack: a push, and what the pusher's terminal shows until its run has ended."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import IO, Final, Protocol

import msgspec
import structlog

from bus.blocking import run_blocking
from edge.git import pktline
from edge.git.asgi import Gone
from edge.git.commands import Push, report
from edge.git.narrate import Patience, narrate
from edge.git.outbox import Outbox
from edge.git.pushed_stack import Lint, Verdict
from edge.git.repository import Repository
from edge.git.state import LocalPush
from edge.git.story import Story, Url
from edge.git.take import Outcome, take
from edge.git.weigh import Limits
from schemas.envelope import Recorded
from schemas.errors import LogUnavailable
from schemas.events import Event

log = structlog.get_logger(__name__)

KEEP_ALIVE: Final = 5.0  # seconds between empty packets while a pack is checked; git's own


class Events(Protocol):
    """EVENTS, as far as a push needs it."""

    async def head(self) -> int:
        """Return the last sequence."""
        ...


class Following(Protocol):
    """The events after a sequence, as they come."""

    def __call__(self, *, after: int) -> AsyncGenerator[Recorded[Event], None]:
        """Yield them; closed by whoever reads."""
        ...


class Accepted(msgspec.Struct, frozen=True):
    """A push that was decided on."""

    outcome: Outcome
    after: int | None  # the log's end before the refs moved; None: the log is away
    ids: tuple[tuple[str, LocalPush], ...] = ()  # what was delivered


@dataclass(frozen=True, slots=True)
class Receiver:
    """Takes pushes; shared between requests."""

    outbox: Outbox
    log: Events
    follow: Following
    lint: Lint
    url: Url
    limits: Limits
    patience: Patience
    places: asyncio.Semaphore

    async def push(
        self, push: Push, file: IO[bytes], repository: Repository, *, pusher: str, gone: Gone
    ) -> AsyncGenerator[bytes, None]:
        """Yield the answer to a push whose pack ``file`` stands at.

        A client that goes away ends the lines only: what was begun is carried through.
        """
        work = asyncio.create_task(self._accept(push, file, repository, pusher))
        try:
            while not (await asyncio.wait((work,), timeout=KEEP_ALIVE))[0]:
                if push.talks:
                    yield pktline.band(pktline.PROGRESS, b"")
        finally:
            await asyncio.wait((work,))
        accepted = work.result()
        if push.talks:
            async with aclosing(self._lines(accepted, gone)) as lines:
                async for line in lines:
                    yield pktline.band(pktline.PROGRESS, f"{line}\n".encode())
        yield report(push, accepted.outcome.unpack, accepted.outcome.refused)

    async def _accept(
        self, push: Push, file: IO[bytes], repository: Repository, pusher: str
    ) -> Accepted:
        """Move the refs, then tell the log; when that is away, later."""
        async with self.places:
            try:
                after = await self.log.head()
            except LogUnavailable:
                after = None
            with file:
                outcome = await run_blocking(
                    take,
                    push,
                    file,
                    repository,
                    pusher=pusher,
                    limits=self.limits,
                    lint=self.lint,
                )
        ids: list[tuple[str, LocalPush]] = []
        try:
            for number, moved in sorted(outcome.moved.items()):
                if after is None:
                    raise LogUnavailable("the log did not answer before the push")
                ids.append((await self.outbox.deliver(repository.project, number, moved), moved))
        except LogUnavailable:
            after = None
            self.outbox.later(repository)
            log.warning("push_delivered_later", project=repository.project)
        return Accepted(outcome, after, tuple(ids))

    async def _lines(self, accepted: Accepted, gone: Gone) -> AsyncGenerator[str, None]:
        """Yield what the terminal shows of a decided push."""
        outcome = accepted.outcome
        for line in _verdict(outcome.verdict):
            yield line
        if accepted.after is None:
            if outcome.moved:
                yield "stored; will be built when the log is back"
            return
        for line in _deleted_branches(accepted):
            yield line
        clock = asyncio.get_running_loop().time
        began, default = clock(), outcome.default_branch
        for id, moved in sorted(accepted.ids, key=lambda each: each[1].branch != default):
            if _deleted(moved):
                continue
            story, patience = self._story(id, moved, outcome), self.patience
            if story.otherwise:  # what comes of a branch shows at once, or nothing does
                left = max(0.1, patience.unsure - (clock() - began))
                patience = msgspec.structs.replace(patience, queued=left)
            events = self.follow(after=accepted.after)
            async with aclosing(narrate(events, story, patience, gone)) as lines:
                async for line in lines:
                    yield line

    def _story(self, id: str, moved: LocalPush, outcome: Outcome) -> Story:
        said = [str(problem) for problem in outcome.verdict.warnings]
        if moved.branch == outcome.default_branch:
            return Story(id, self.url, said=said)
        otherwise = f"branch {moved.branch} is stored; only {outcome.default_branch} is deployed"
        return Story(id, self.url, said=said, otherwise=otherwise)


def _verdict(verdict: Verdict) -> list[str]:
    return [str(problem) for problem in verdict.errors] + [
        f"warning: {problem}" for problem in verdict.warnings
    ]


def _deleted_branches(accepted: Accepted) -> list[str]:
    return [f"branch {moved.branch} is deleted" for _, moved in accepted.ids if _deleted(moved)]


def _deleted(moved: LocalPush) -> bool:
    return not moved.after.strip("0")
