"""What the pusher's terminal is told: events of one push in, lines out. No clock, no I/O."""

from collections.abc import Callable, Collection, Iterator
from datetime import datetime
from typing import Final

from edge.git.outbox import FORGE
from schemas.envelope import Recorded
from schemas.events import Event
from schemas.events.branch import BranchPushed, BranchPushOutdated
from schemas.events.delivery import DeliveryIgnored, DeliveryTranslated
from schemas.events.environment import EnvironmentRefused
from schemas.events.function import FunctionDeployed, FunctionDeployFailed, FunctionDeployStarted
from schemas.events.run import (
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

Url = Callable[[str, str, str], str]  # (label, environment, function) → where it answers

WIDEST: Final = 500  # characters of one line
TAIL: Final = 20  # lines of a failed build's log


class Story:
    """The run that one delivery sets off, followed to its end."""

    def __init__(
        self, delivery: str, url: Url, *, said: Collection[str] = (), otherwise: str = ""
    ) -> None:
        """Follow ``delivery``; warnings in ``said`` were shown before.

        ``otherwise`` is the line for when no run comes of it, where that is nothing unusual.
        """
        self.otherwise = otherwise
        self.run = ""
        self.ended = False
        self._delivery = delivery
        self._url = url
        self._said = set(said)
        self._push = ""  # the id of our branch.pushed
        self._queued: datetime | None = None
        self._began: dict[str, datetime] = {}  # function → its build's start
        self._doing: dict[str, str] = {}  # function → building, deploying

    def hear(self, event: Recorded[Event]) -> list[str]:
        """Return the lines for an event, none for one that is not of this push."""
        if self.run:
            of_run = event.of.kind == "run" and event.of.id == self.run
            lines = self._of_run(event) if of_run or event.run == self.run else ()
        elif event.of.forge == FORGE:
            lines = self._before_run(event)
        else:
            lines = ()
        return [_printable(line) for line in lines]

    def waiting(self, seconds: float) -> str:
        """Return a line for when nothing has happened for a while, nothing at the end."""
        if self.ended:
            return ""
        doing = ", ".join(f"{what} {name}" for name, what in sorted(self._doing.items()))
        waiting = f"waiting for run {self.run}" if self.run else "waiting for the run"
        return _printable(f"still {doing or waiting} ({seconds:.0f} s)")

    def _before_run(self, event: Recorded[Event]) -> Iterator[str]:
        ours = event.cause == f"{FORGE}:{self._delivery}" or (
            event.of.kind == "delivery" and event.of.id == self._delivery
        )
        match event.fact:
            case BranchPushed() if ours:
                self._push = event.id
            case BranchPushOutdated(branch=branch, head=head) if ours:
                self.ended = True
                yield f"not built: {branch} has moved on to {head[:8]}"
            case DeliveryIgnored(reason=reason) if ours:
                self.ended = True
                yield f"not built: {reason}"
            case DeliveryTranslated() if ours and not self._push:
                self.ended = True
                yield "not built: the log has heard of this push before"
            case EnvironmentRefused(reason=reason) if self._push and event.cause == self._push:
                self.ended = True
                yield f"stored, and not deployed: {reason}"
            case RunQueued(environment=environment, generation=generation) if (
                self._push and event.cause == self._push
            ):
                self.run, self._queued = event.of.id, event.time
                yield f"queued run {self.run} ({environment}, generation {generation})"
            case _:
                pass

    def _of_run(self, event: Recorded[Event]) -> Iterator[str]:
        match event.fact:
            case RunResolved(warnings=warnings):
                yield from (f"warning: {text}" for text in map(str, warnings) if self._new(text))
            case RunBuildStarted(function=name):
                self._began[name], self._doing[name] = event.time, "building"
                yield f"building {name} …"
            case RunBuilt(function=name, cached=cached):
                yield f"built {name}{self._built(name, event.time, cached=cached)}"
            case RunBuildFailed(function=name, message=message, tail=tail):
                self._doing.pop(name, None)
                yield f"error: {name} does not build: {message}"
                yield from (f"  | {line}" for line in tail[-TAIL:])
            case RunDelayed(step=step, message=message):
                yield f"{step} waits: {message}; it goes on by itself"
            case FunctionDeployStarted():
                self._doing[_name(event)] = "deploying"
                yield f"deploying {_name(event)} …"
            case FunctionDeployed(label=label, environment=environment, function=name):
                self._doing.pop(name, None)
                yield f"live at {self._url(label, environment, name)}{self._since(event.time)}"
            case FunctionDeployFailed(message=message):
                self._doing.pop(_name(event), None)
                yield f"error: {_name(event)} was not deployed: {message}"
            case _:
                yield from self._at_the_end(event.fact)

    def _at_the_end(self, fact: Event) -> Iterator[str]:
        self.ended = isinstance(fact, RunSuperseded | RunCancelled | RunRejected | RunFinished)
        match fact:
            case RunSuperseded(by=by):
                yield f"superseded by run {by}: a newer push took its place"
            case RunCancelled(by=by):
                yield f"error: run {self.run} was cancelled by {by}"
            case RunRejected(problems=problems):
                yield from (f"error: {problem}" for problem in problems)
            case RunFinished(outcome="live"):
                pass
            case RunFinished(outcome="empty", message=message):
                yield message or "nothing to deploy"
            case RunFinished(outcome=outcome, message=message):
                yield f"error: run {self.run}: {message or outcome}"
            case _:
                pass

    def _new(self, text: str) -> bool:
        new = text not in self._said
        self._said.add(text)
        return new

    def _built(self, name: str, time: datetime, *, cached: bool) -> str:
        self._doing.pop(name, None)
        began = self._began.get(name)
        parts = [f"{(time - began).total_seconds():.1f} s"] if began else []
        parts += ["cached"] if cached else []
        return f" ({', '.join(parts)})" if parts else ""

    def _since(self, time: datetime) -> str:
        return f" ({(time - self._queued).total_seconds():.1f} s)" if self._queued else ""


def _name(event: Recorded[Event]) -> str:
    """Return the function that a fact is about: its id is ``environment/name``."""
    return event.of.id.rpartition("/")[2]


def _printable(line: str) -> str:
    """Return a line that does nothing to a terminal: no escapes, no newline, not too long."""
    shown = "".join(char if char.isprintable() else " " for char in line)
    return shown if len(shown) <= WIDEST else shown[: WIDEST - 2] + " …"
