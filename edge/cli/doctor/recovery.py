"""Comparing forges with the log: when it was done last, and what it found of late."""

from datetime import timedelta
from typing import Final

from bus import envelope
from bus.connection import session
from bus.jetstream import JetStream
from bus.log import EVENTS, read
from edge.cli.doctor.finding import Check, Outcome, Subject, off, ok, warn
from edge.cli.variables import variable
from schemas.envelope import Aggregate, Recorded
from schemas.errors import LogUnavailable
from schemas.events.reconciliation import ReconciliationFinished
from schemas.subjects import subject as subject_of

OVERDUE: Final = timedelta(hours=3)  # about one an hour is recorded


async def recovery(subject: Subject) -> Outcome:
    """Look for the last comparison of each forge that can be asked."""
    chosen = subject.chosen
    wanted = {"github": bool(chosen.github_app_id), "gitlab": bool(chosen.gitlab_token)}
    forges = [forge for forge, known in wanted.items() if known]
    if subject.reader is None or not forges:
        return off("no forge can be asked for what it never delivered")
    if not chosen.reconcile_minutes:
        return warn(
            "what forges never delivered is not looked for",
            f"set {variable('reconcile_minutes')}",
        )
    says = []
    try:
        async with session(subject.reader, name="doctor") as js:
            for forge in forges:
                last = await _last(js, forge)
                if last is None or envelope.now() - last.time > OVERDUE:
                    return warn(f"{forge} is not compared with the log", "start recovery")
                if last.fact.reason:
                    return warn(
                        f"{forge} gives no answer since {last.time:%Y-%m-%d %H:%M} UTC: "
                        f"{last.fact.reason}",
                        "nothing is lost meanwhile; it is asked again by itself",
                    )
                says.append(_said(forge, last))
    except LogUnavailable:
        return off("the log was not reached")
    return ok("; ".join(says))


def _said(forge: str, last: Recorded[ReconciliationFinished]) -> str:
    fact = last.fact
    silent = f", {fact.silent} silent" if fact.silent else ""
    return (
        f"{forge} compared by {last.time:%Y-%m-%d %H:%M} UTC: {fact.projects} projects{silent}, "
        f"{fact.recovered} deliveries recovered"
    )


async def _last(js: JetStream, forge: str) -> Recorded[ReconciliationFinished] | None:
    of = Aggregate(forge, "", "reconciliation", "")
    found = await js.message(EVENTS, last_by_subj=subject_of(of, ReconciliationFinished))
    return None if found is None else read(found)  # type: ignore[return-value] # by its subject


CHECKS: Final = (Check("recovery", recovery),)
