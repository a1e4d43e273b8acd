"""What a forge is to be told next of a commit. Pure.

Nobody is told of success before the rollout was seen. While a run goes on, only what it does is
worth a message, not each number in it: forges ask for few writes, so what is newer replaces what
was not sent yet. The stack comes first, then what has ended.
"""

from typing import TYPE_CHECKING, Final, Literal

import msgspec

from consumers.status.standing import Stage, Standing, State

if TYPE_CHECKING:
    from consumers.status.commits import Commit, Told  # which asks us whether all is told

Status = Literal["queued", "in_progress", "completed"]

STACK: Final[dict[State, tuple[Status, str]]] = {
    "held": ("completed", "action_required"),
    "queued": ("queued", ""),
    "building": ("in_progress", ""),
    "deploying": ("in_progress", ""),
    "live": ("completed", "success"),
    "empty": ("completed", "neutral"),
    "partly": ("completed", "failure"),
    "failed": ("completed", "failure"),
    "rejected": ("completed", "failure"),
    "superseded": ("completed", "cancelled"),
    "cancelled": ("completed", "cancelled"),
    "refused": ("completed", "neutral"),
}
FUNCTION: Final[dict[Stage, tuple[Status, str]]] = {
    "waiting": ("queued", ""),
    "building": ("in_progress", ""),
    "built": ("in_progress", ""),
    "deploying": ("in_progress", ""),
    "live": ("completed", "success"),
    "build-failed": ("completed", "failure"),
    "deploy-failed": ("completed", "failure"),
    "stopped": ("completed", "cancelled"),
}
URGENT: Final[dict[Status, int]] = {"completed": 1, "in_progress": 2, "queued": 3}


class Saying(msgspec.Struct, frozen=True):
    """What a forge is to be told of a commit's stack, or of one of its functions."""

    function: str
    status: Status
    conclusion: str
    headline: str  # what makes it another message than the one before
    as_of: int  # sequence of the newest fact that it tells of


def next_saying(
    commit: "Commit", *, stages: bool, afresh: frozenset[str] = frozenset()
) -> Saying | None:
    """Return what is to be told now, None when the forge knows all.

    ``stages``: the forge has words for what goes on between the begin of a run and its end.
    ``afresh``: of these functions, whatever it was told may have been overwritten.
    """
    due = [
        saying
        for saying in sayings(commit.standing, stages=stages)
        if saying.function in afresh or not _known(saying, commit.told.get(saying.function))
    ]
    return min(due, key=lambda one: URGENT[one.status] if one.function else 0, default=None)


def all_told(commit: "Commit") -> bool:
    """Tell whether its forge knows all, be it one that shows stages or not."""
    return any(next_saying(commit, stages=stages) is None for stages in (True, False))


def sayings(at: Standing, *, stages: bool) -> list[Saying]:
    """Return all that is to be told of a commit, its stack first."""
    status, conclusion = STACK[at.state]
    if at.state == "live" and any(one.stage != "live" for one in at.functions):
        status, conclusion = "in_progress", ""
    found = [_saying(at, "", (status, conclusion), at.state, at.seq, stages=stages)]
    found += [
        _saying(at, one.name, FUNCTION[one.stage], one.stage, one.seq, stages=stages)
        for one in at.functions
    ]
    return found


def _saying(
    at: Standing, function: str, what: tuple[Status, str], word: str, seq: int, *, stages: bool
) -> Saying:
    status, conclusion = what
    if status == "completed":
        detail = f"{conclusion} {seq}"
    elif at.delayed and not function:
        detail = f"{word} delayed"
    else:
        detail = word if stages else ""
    headline = f"{at.run or at.state} {status} {detail}".strip()
    return Saying(function, status, conclusion, headline, seq)


def _known(saying: Saying, told: "Told | None") -> bool:
    """Tell whether a forge need not be told."""
    headline = told.headline if told else ""
    if saying.function and saying.conclusion == "cancelled":
        # where nobody was told that it would come, nothing is missed
        return not headline or headline == saying.headline or (told is not None and told.completed)
    return headline == saying.headline
