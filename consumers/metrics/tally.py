"""Tally: what became of a project's runs and how long their steps took, folded from the log.

Reads   every fact about a run, and the deploy facts of its functions

Counted from the very first event, so that a counter never falls: also not when the process starts
anew, or another takes its place.
"""

from datetime import datetime
from typing import Final

import msgspec
from msgspec.structs import replace

from consumers.metrics.spread import Spread
from schemas.envelope import Recorded
from schemas.events import Event
from schemas.events.function import FunctionDeployed, FunctionDeployFailed, FunctionDeployStarted
from schemas.events.run import (
    RunArchived,
    RunBuildFailed,
    RunBuildStarted,
    RunBuilt,
    RunCancelled,
    RunDelayed,
    RunFinished,
    RunQueued,
    RunRejected,
    RunResolved,
    RunSuperseded,
)
from schemas.ids import time_of

DEPLOYS: Final = (FunctionDeployStarted, FunctionDeployed, FunctionDeployFailed)
BEGINS: Final = (RunBuildStarted, FunctionDeployStarted)
FAILS: Final[dict[type[Event], str]] = {
    RunRejected: "source",
    RunBuildFailed: "build",
    FunctionDeployFailed: "deploy",
}
ENDS: Final = (RunResolved, RunBuilt, FunctionDeployed, *FAILS)
ENTERS: Final[dict[type[Event], str]] = {RunArchived: "build", RunBuilt: "deploy"}
LEAD: Final = "lead"


class Step(msgspec.Struct, frozen=True, gc=False):
    """Where a run, or one function of it, is now."""

    name: str  # source, build, deploy
    since: datetime
    working: bool = False  # else it waits


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """One project's numbers. Keys of counts are words of our own, never ids."""

    name: str = ""  # owner/name, as it is called now
    pushed: dict[str, datetime] = {}  # open runs
    steps: dict[str, dict[str, Step]] = {}  # run → function, "" for the run itself
    outcomes: dict[str, int] = {}
    failures: dict[str, int] = {}  # "<step> <code>"
    delays: dict[str, int] = {}  # "<step> <code>"
    spreads: dict[str, Spread] = {}  # lead, "waiting <step>", "working <step>"
    live: datetime | None = None  # the last time that a run went live


def key(event: Recorded[Event]) -> str | None:
    """Return the project whose run this event is about; None for what is about none."""
    if event.of.kind == "run" or isinstance(event.fact, DEPLOYS):
        return f"{event.of.forge}:{event.of.project}"
    return None


def reduce(tally: Tally | None, event: Recorded[Event]) -> Tally | None:
    """Return the project's next numbers; pure."""
    tally, fact = tally or Tally(), event.fact
    if isinstance(fact, RunQueued):
        return _queued(tally, event)
    run = getattr(fact, "run", "") if isinstance(fact, DEPLOYS) else event.of.id
    if run not in tally.pushed:
        return tally  # it has ended: a redelivery, or an old revision that is deployed again
    if outcome := _outcome(fact):
        return _over(tally, run, outcome, event.time)
    if isinstance(fact, RunDelayed):
        return replace(tally, delays=_more(tally.delays, f"{fact.step} {fact.code}"))
    return _stepped(tally, run, event)


def _outcome(fact: Event) -> str:
    """Return what a run has come to, or nothing."""
    match fact:
        case RunSuperseded():
            return "superseded"
        case RunCancelled():
            return "cancelled"
        case RunFinished(outcome=outcome):
            return outcome
        case _:
            return ""


def _stepped(tally: Tally, run: str, event: Recorded[Event]) -> Tally:
    """Return it with one step begun, ended, failed, or entered."""
    fact, time, kind = event.fact, event.time, type(event.fact)
    function: str = getattr(fact, "function", "")
    if isinstance(fact, DEPLOYS):
        function = event.of.id.partition("/")[2]
    if kind in BEGINS:
        return _begins(tally, run, function, time)
    if kind in ENDS:
        tally = _ends(tally, run, function, time)
    if step := FAILS.get(kind):
        code = f"{step} {getattr(fact, 'code', '')}"
        tally = replace(tally, failures=_more(tally.failures, code))
    if step := ENTERS.get(kind):
        tally = _enters(tally, run, function, Step(step, time))
    return tally


def _queued(tally: Tally, event: Recorded[Event]) -> Tally:
    run, time = event.of.id, event.time
    if run in tally.pushed:
        return tally
    pushed = min(time_of(run) or time, time)
    return replace(
        tally,
        name=event.name or tally.name,
        pushed=tally.pushed | {run: pushed},
        steps=tally.steps | {run: {"": Step("source", time, working=True)}},
        spreads=_took(tally, "working plan", pushed, time),
    )


def _enters(tally: Tally, run: str, function: str, step: Step) -> Tally:
    steps = tally.steps | {run: tally.steps[run] | {function: step}}
    return replace(tally, steps=steps)


def _begins(tally: Tally, run: str, function: str, time: datetime) -> Tally:
    """Return it with one step that waits no longer."""
    step = tally.steps[run].get(function)
    if step is None or step.working:
        return tally
    spreads = _took(tally, f"waiting {step.name}", step.since, time)
    worked = Step(step.name, time, working=True)
    return _enters(replace(tally, spreads=spreads), run, function, worked)


def _ends(tally: Tally, run: str, function: str, time: datetime) -> Tally:
    """Return it with one step less; what never began, as a cached build, has not waited."""
    step = tally.steps[run].get(function)
    if step is None:
        return tally
    left = {name: each for name, each in tally.steps[run].items() if name != function}
    spreads = _took(tally, f"working {step.name}", step.since, time)
    return replace(tally, steps=tally.steps | {run: left}, spreads=spreads)


def _over(tally: Tally, run: str, outcome: str, time: datetime) -> Tally:
    live = outcome == "live"
    return replace(
        tally,
        outcomes=_more(tally.outcomes, outcome),
        spreads=_took(tally, LEAD, tally.pushed[run], time) if live else tally.spreads,
        live=time if live else tally.live,
        pushed={name: each for name, each in tally.pushed.items() if name != run},
        steps={name: each for name, each in tally.steps.items() if name != run},
    )


def _more(counts: dict[str, int], name: str) -> dict[str, int]:
    return counts | {name: counts.get(name, 0) + 1}


def _took(tally: Tally, name: str, begun: datetime, ended: datetime) -> dict[str, Spread]:
    spread = tally.spreads.get(name, Spread())
    return tally.spreads | {name: spread.also((ended - begun).total_seconds())}
