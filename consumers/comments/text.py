"""What our comment says. Pure; Markdown.

While a run goes on it says so once: checks tell of each step, and a comment is written seldom.
"""

from datetime import datetime
from typing import Final

from consumers.comments.pulls import Pull
from consumers.status.standing import Links, Standing
from consumers.status.texts import stack
from consumers.status.texts.inert import cell, code
from consumers.status.texts.parts import joined
from consumers.status.texts.words import address, origin

GONE: Final = {
    "expired": "nobody has used it for a while; the next push brings it back",
    "asked": "somebody ended it; the next push brings it back",
    "project-removed": "the project was removed",
    "branch-deleted": "the branch was deleted",
}


def body(pull: Pull, marker: str, links: Links) -> str:
    """Return the whole comment, "" where there is nothing to say of a pull request."""
    parts = _parts(pull, links)
    return joined([marker, *parts]) if parts else ""


def _parts(pull: Pull, links: Links) -> list[str]:
    if pull.closed or pull.gone:
        return _ended(pull)
    if pull.refused:
        return [f"**No preview** of this commit: {code(pull.refused)}", *_before(pull, links)]
    at = pull.standing
    if at is None or at.state == "held":
        return _held(pull, at, links) if at else []
    if not at.over or (at.state == "live" and any(one.stage != "live" for one in at.functions)):
        return [f"**The preview is on its way.** {origin(at)}", *_before(pull, links)]
    return _over(pull, at, links)


def _over(pull: Pull, at: Standing, links: Links) -> list[str]:
    """Return what came of the newest run."""
    said = [stack.first(at), *stack.reasons(at)]
    if at.state in ("live", "partly"):
        said.append(_addresses(at, links))
    said += stack.failures(at)
    if at.state not in ("live", "partly", "empty"):
        said += _before(pull, links)
    return [*said, f"{origin(at)}{_stays(pull.until)}", stack.more(at, links)]


def _ended(pull: Pull) -> list[str]:
    """Return why there is no preview any more; nothing while it is about to go."""
    how = "merged" if pull.merged else "closed"
    if pull.gone:
        why = GONE.get(pull.gone, f"this was {how}")
        return [f"**Preview removed**: {why}."]
    if pull.standing is not None and not pull.standing.run:
        return [f"**No preview**: this was {how} before anybody approved it."]
    return []


def _held(pull: Pull, at: Standing, links: Links) -> list[str]:
    command = f"pushline run approve {at.repository.full_name} {pull.number} {at.sha[:12]}"
    button = " or press **Approve** at this commit's check" if at.forge == "github" else ""
    how = (
        f"Have you read the changes? Then run {code(command)}{button}. "
        "It holds for this commit alone; the next one waits again."
    )
    return [stack.first(at), how, *_before(pull, links), origin(at)]


def _addresses(at: Standing, links: Links) -> str:
    rows = [
        f"| {cell(one.name)} | {address(links.function(at, one.name))} |"
        for one in at.functions[: stack.ROWS]
        if one.stage == "live"
    ]
    return "| function | address |\n| --- | --- |\n" + "\n".join(rows) if rows else ""


def _before(pull: Pull, links: Links) -> list[str]:
    """Return where an older commit answers meanwhile."""
    if pull.last is None:
        return []
    return [f"Meanwhile {code(pull.last.sha[:7])} answers:", _addresses(pull.last, links)]


def _stays(until: datetime | None) -> str:
    if until is None:
        return ""
    return f". The preview stays until {until:%Y-%m-%d %H:%M} UTC, longer with each push"
