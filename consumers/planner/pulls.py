"""Pull requests as the forge told of them, in whatever order that came.

Forges stamp what they say: what is older than what we know changes nothing but which commits
there were. A closed one is remembered for a while, so that what comes late does not open it.
"""

from datetime import datetime
from typing import Final

import msgspec
from msgspec.structs import replace

from schemas.events import Event
from schemas.events.pull import PullApproved, PullClosed, PullOpened, PullUpdated
from schemas.ids import Sha
from schemas.repository import Repository

HEADS: Final = 50  # commits of one that can be approved
CLOSED: Final = 100  # closed ones that are remembered

Pulls = dict[int, "Pull"]


class Pull(msgspec.Struct, frozen=True, kw_only=True):
    """One pull request."""

    branch: str = ""
    sha: str = ""  # its newest head
    repository: Repository = Repository("", "", "")  # of the base
    author: str = ""
    fork: bool = False
    closed: bool = False
    updated: datetime | None = None  # by the forge's clock
    heads: tuple[Sha, ...] = ()  # newest last
    approved: tuple[Sha, ...] = ()

    def older(self, updated: datetime | None) -> bool:
        """Tell whether what the forge said at this moment was overtaken."""
        return self.updated is not None and updated is not None and updated < self.updated


def turned(pulls: Pulls, fact: Event) -> tuple[Pulls, bool]:
    """Return the pull requests after one more fact, and whether it asks for a run."""
    match fact:
        case PullOpened() | PullUpdated():
            old = pulls.get(fact.number, Pull())
            new = _moved(old, fact)
            same = new.sha == old.sha and not old.closed
            asks = not new.closed and not same and new.sha == fact.sha
            return pulls | {fact.number: new}, asks
        case PullClosed(number=number, updated=updated):
            old = pulls.get(number, Pull())
            if old.older(updated):
                return pulls, False
            closed = replace(old, closed=True, updated=updated or old.updated)
            return _remembered(pulls, number, closed), False
        case PullApproved(number=number, sha=sha) if number in pulls:
            old = pulls[number]
            new = replace(old, approved=(*old.approved, sha)[-HEADS:])
            return pulls | {number: new}, not old.closed and sha in old.heads
        case _:
            return pulls, False


def _moved(old: Pull, fact: PullOpened | PullUpdated) -> Pull:
    heads = (*(sha for sha in old.heads if sha != fact.sha), fact.sha)[-HEADS:]
    if old.older(fact.updated) or (old.closed and isinstance(fact, PullUpdated)):
        return replace(old, heads=heads)
    return replace(
        old,
        branch=fact.branch,
        sha=fact.sha,
        repository=fact.repository,
        author=fact.author,
        fork=fact.fork,
        closed=False,
        updated=fact.updated or old.updated,
        heads=heads,
    )


def _remembered(pulls: Pulls, number: int, pull: Pull) -> Pulls:
    """Return them with the newest closed one last, and not too many of those."""
    others = {key: each for key, each in pulls.items() if key != number}
    ended = [key for key, each in others.items() if each.closed]
    gone = ended[: max(0, len(ended) + 1 - CLOSED)]
    return {key: each for key, each in others.items() if key not in gone} | {number: pull}
