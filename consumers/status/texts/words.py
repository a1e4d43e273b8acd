"""How commits and functions stand, in words; and how long something took."""

from datetime import datetime
from typing import Final

from consumers.status.standing import FunctionStanding, Stage, Standing, State
from consumers.status.texts.inert import code, line, link

DESCRIPTION: Final = 140  # characters that a commit status takes at GitHub; GitLab takes 255

FAILED: Final = ("build-failed", "deploy-failed")
STAGES: Final[dict[Stage, str]] = {
    "waiting": "waits",
    "building": "building",
    "built": "built",
    "deploying": "starting",
    "live": "live",
    "build-failed": "does not build",
    "deploy-failed": "does not start",
    "stopped": "stopped",
}
STATES: Final[dict[State, str]] = {
    "held": "waits for approval",
    "queued": "queued",
    "building": "building",
    "deploying": "starting",
    "live": "live",
    "empty": "nothing to deploy",
    "partly": "partly live",
    "failed": "failed",
    "rejected": "rejected",
    "superseded": "superseded",
    "cancelled": "cancelled",
    "refused": "no preview",
}


def state(at: Standing) -> str:
    """Return how a commit stands, in some words."""
    if at.state == "live":
        return f"live{_in(took(at.queued, at.finished))}"
    if at.state == "partly":
        live = sum(one.stage == "live" for one in at.functions)
        return f"{live} of {counted(len(at.functions), 'function')} live"
    if at.state == "rejected" and at.problems:
        return f"rejected, {counted(len(at.problems), 'error')}"
    if at.state == "superseded":
        return "not deployed, a newer commit took its place"
    if not at.over and at.delayed:
        return f"{STATES[at.state]}, waits for what is away"
    return STATES[at.state]


def stage(one: FunctionStanding) -> str:
    """Return how a function stands, in some words."""
    if one.stage == "live":
        return f"live{_in(took(one.archived, one.ended))}"
    return STAGES[one.stage]


def description(at: Standing, one: FunctionStanding | None) -> str:
    """Return one line for where there is no room for more, within ``DESCRIPTION``."""
    if one is not None:
        said = one.message if one.stage in FAILED else ""
        return _line(stage(one), said)
    if at.state == "rejected":
        said = str(at.problems[0]) if at.problems else at.message
    elif at.state in ("failed", "partly"):
        failed = [one for one in at.functions if one.stage in FAILED]
        said = ", ".join(f"{one.name} {STAGES[one.stage]}" for one in failed) or at.message
    else:
        said = at.message if at.state == "refused" else at.delayed
    return _line(state(at), said)


def origin(at: Standing) -> str:
    """Return what was to be deployed, and who wanted it. Markdown."""
    said = f"Commit {code(at.sha[:7])}"
    if at.pull:
        # no "#7" and no "!7", which would notify whoever follows that
        said += f" of {'merge' if at.forge == 'gitlab' else 'pull'} request {at.pull}"
    if at.branch:
        said += f" on {code(at.branch)}"
    if at.asked:
        said += f", asked for by {code(at.asked)}"
    elif at.pusher:
        said += f", by {code(at.pusher)}"
    return said + (f": {code(at.reason)}" if at.reason else "")


def address(url: str) -> str:
    """Return a link that shows where it leads. Markdown."""
    return link(code(url.partition("://")[2], most=200), url)


def took(begin: datetime | None, end: datetime | None) -> str:
    """Return the time between two moments, "" where one is missing."""
    if begin is None or end is None:
        return ""
    seconds = max(0.0, (end - begin).total_seconds())
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{int(seconds // 60)} min {int(seconds % 60)} s"


def counted(number: int, what: str) -> str:
    """Return so many of something."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _in(time: str) -> str:
    return f" in {time}" if time else ""


def _line(state: str, said: str) -> str:
    return line(f"{state}: {said}" if said else state, DESCRIPTION)
