"""What forges are told, of commits and pull requests, and what they have refused of late."""

from datetime import timedelta
from typing import Any, Final

from bus import envelope
from bus.connection import session
from bus.jetstream import JetStream
from bus.log import EVENTS, read
from edge.cli.doctor.finding import Check, Outcome, Subject, off, ok, warn
from edge.cli.variables import variable
from schemas import subjects
from schemas.envelope import Recorded
from schemas.errors import LogUnavailable

LATELY: Final = timedelta(days=1)
KINDS: Final = {  # what was refused, and what makes up for it
    "a report": ("status.*.report-failed", "status.*.reported"),
    "a comment": ("comment.*.refused", "comment.*.written"),
}


async def statuses(subject: Subject) -> Outcome:
    """Look for the last report, and the last that was refused and not made up for."""
    chosen = subject.chosen
    if chosen.github_webhook_secret and not chosen.github_app_id:
        return warn(
            "webhooks of GitHub are taken, and nothing is reported there: no App, no right to",
            f"make a GitHub App with the permission checks (write), and set "
            f"{variable('github_app_id')} and its key",
        )
    if subject.reader is None or not (chosen.github_app_id or chosen.gitlab_token):
        return off("no forge is told of anything")
    try:
        async with session(subject.reader, name="doctor") as js:
            told = await _last(js, "ev.*.*.status.*.reported")
            for what, (bad, good) in KINDS.items():
                failed = await _last(js, f"ev.*.*.{bad}")
                if failed is not None and await _open(js, failed, good):
                    return warn(
                        f"{failed.of.forge} did not take {what} on {failed.name}: "
                        f"{failed.fact.message}",
                        f"`pushline explain {failed.fact.code}`",
                    )
    except LogUnavailable:
        return off("the log was not reached")
    if told is None:
        return ok("nothing was to be reported yet")
    return ok(f"forges are told how commits stand, the last time at {told.time:%Y-%m-%d %H:%M} UTC")


async def _open(js: JetStream, failed: Recorded[Any], good: str) -> bool:
    """Tell whether a refusal is new, and the last word of its project."""
    if envelope.now() - failed.time > LATELY:
        return False
    project = f"{subjects.encode(failed.of.forge)}.{subjects.encode(failed.of.project)}"
    since = await _last(js, f"ev.{project}.{good}")
    return since is None or since.seq < failed.seq


async def _last(js: JetStream, filter: str) -> Recorded[Any] | None:
    found = await js.message(EVENTS, last_by_subj=filter)
    return None if found is None else read(found)


CHECKS: Final = (Check("statuses", statuses),)
