"""Branches: where each one is, and which commits it has left, folded from the log.

Reads   branch.pushed/1, branch.push-outdated/1, branch.deleted/1
"""

from typing import Final

import msgspec

from schemas.envelope import Recorded
from schemas.events import Event
from schemas.events.branch import BranchDeleted, BranchPushed, BranchPushOutdated
from schemas.ids import ZERO_SHA, Sha

Move = tuple[Sha, Sha]  # before, after

KEPT: Final = 200  # commits left and moves seen; older ones make source ask the forge


class Branch(msgspec.Struct, frozen=True):
    """One branch as its facts tell it."""

    head: str = ""  # "" before the first push and after deletion
    left: tuple[Sha, ...] = ()  # newest last
    seen: tuple[Move, ...] = ()  # newest last
    gaps: tuple[Move, ...] = ()  # moves that must have been, of which no push has told yet
    seq: int = 0  # the newest fact about it, for guards


def key(event: Recorded[Event]) -> str | None:
    """Return whose row a fact belongs to; facts of newer releases move the sequence too."""
    of = event.of
    return f"{of.forge} {of.project} {of.id}" if of.kind == "branch" else None


def reduce(branch: Branch | None, event: Recorded[Event]) -> Branch:
    """Return the branch after one more fact."""
    old = branch or Branch()
    match event.fact:
        case BranchPushed(before=before, after=after):
            jumped = ((old.head, before),) if old.head and before != old.head else ()
            return _moved(old, (before, after), event.seq, head=after, gaps=jumped)
        case BranchPushOutdated(before=before, after=after):
            return _moved(old, (before, after), event.seq, head=old.head)
        case BranchDeleted(before=before):
            return _moved(old, (before, ZERO_SHA), event.seq, head="")
        case _:
            return msgspec.structs.replace(old, seq=event.seq)


def _moved(old: Branch, move: Move, seq: int, *, head: str, gaps: tuple[Move, ...] = ()) -> Branch:
    return Branch(
        head=head,
        left=_left(old, move[0], now=head),
        seen=(*(one for one in old.seen if one != move), move)[-KEPT:],
        gaps=tuple(one for one in (*old.gaps, *gaps) if one != move)[-KEPT:],
        seq=seq,
    )


def _left(old: Branch, before: Sha, *, now: str) -> tuple[Sha, ...]:
    """Return the commits the branch has left: it is at ``now``, so that one it has not."""
    news = [sha for sha in (before, old.head) if sha.strip("0")]  # no commit is none to leave
    stay = [sha for sha in old.left if sha not in news]
    return tuple(dict.fromkeys(sha for sha in (*stay, *news) if sha != now))[-KEPT:]
