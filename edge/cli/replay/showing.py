"""How a replay is told: differences as they are found, then what it all came to."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec
from rich.console import Console
from rich.text import Text

from edge.cli.output import as_json, console
from edge.cli.replay.decisions import Attempt, Change, Decision, Verdict
from schemas.envelope import Recorded, Unknown
from schemas.events.replay import ReplayFinished
from schemas.ids import tag_of

SIGNS: Final = {"missing": ("-", "red"), "additional": ("+", "green"), "different": ("~", "yellow")}
WIDEST: Final = 70  # characters of a value
SHOWN: Final = 20  # unknown decisions that are told of one by one


class DecisionLine(msgspec.Struct, frozen=True, kw_only=True, tag="decision", tag_field="kind"):
    """A decision that is not equal, as JSON: stable, an object a line."""

    seq: int  # of the event; of a delivery, in DELIVERIES
    event: str  # its id
    type: str  # ce-type; "delivery"
    project: str
    consumer: str
    outcome: str
    reason: str
    changes: tuple[Change, ...]


class SummaryLine(msgspec.Struct, frozen=True, kw_only=True, tag="summary", tag_field="kind"):
    """What a replay came to as JSON, the last line."""

    replay: str
    outcome: Literal["equal", "differs", "stopped", "failed"]
    events: int
    decisions: int
    equal: int
    different: int
    unknown: int
    effects: dict[str, int]  # what was not done, by its first word
    reasons: dict[str, int]  # of what is unknown
    seconds: float


class Tally:
    """Counts decisions and prints those that are not equal."""

    def __init__(self, *, json: bool, every: bool = False) -> None:
        """Print lines of JSON or text; ``every``: also of decisions that are equal."""
        self.outcomes: Counter[str] = Counter()
        self.effects: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self._json = json
        self._every = every
        self._out = console()

    def __call__(self, decision: Decision, attempt: Attempt, verdict: Verdict) -> None:
        """Take in one decision."""
        self.outcomes[verdict.outcome] += 1
        self.effects.update(effect.partition(" ")[0] for effect in attempt.effects)
        if verdict.outcome == "unknown":
            self.reasons[_gist(verdict.reason)] += 1
            if self.outcomes["unknown"] > SHOWN and not self._json:
                return
        if verdict.outcome == "equal" and not self._every:
            return
        if self._json:
            as_json([_line(decision, verdict)])
        else:
            _show(self._out, decision, verdict)

    def finished(self, events: int, *, stopped: bool = False) -> ReplayFinished:
        """Return the fact that says what it came to."""
        different = self.outcomes["differs"]
        ended: Literal["stopped", "equal"] = "stopped" if stopped else "equal"
        return ReplayFinished(
            outcome="differs" if different else ended,
            events=events,
            decisions=self.outcomes.total(),
            equal=self.outcomes["equal"],
            different=different,
            unknown=self.outcomes["unknown"],
        )

    def summary(self, id: str, fact: ReplayFinished, seconds: float) -> None:
        """Print what it came to."""
        if self._json:
            line = SummaryLine(
                replay=id,
                outcome=fact.outcome,
                events=fact.events,
                decisions=fact.decisions,
                equal=fact.equal,
                different=fact.different,
                unknown=fact.unknown,
                effects=dict(self.effects),
                reasons=dict(self.reasons),
                seconds=round(seconds, 3),
            )
            as_json([line])
            return
        self._out.print(_total(fact, seconds))
        if self.effects:
            done = ", ".join(f"{count} {word}" for word, count in self.effects.most_common())
            self._out.print(Text(f"not done: {done}", style="bright_black"))
        for reason, count in self.reasons.most_common(5):
            self._out.print(Text(f"unknown, {count} times: {reason}", style="bright_black"))


def _total(fact: ReplayFinished, seconds: float) -> Text:
    rate = f"{fact.events / seconds:,.0f} events/s" if seconds > 0 else ""
    differ = f"{fact.different} differ{'s' if fact.different == 1 else ''}"
    text = Text.assemble(
        f"{counted(fact.events, 'event')}, {counted(fact.decisions, 'decision')}: ",
        (f"{fact.equal} equal", "green"),
        ", ",
        (differ, "red" if fact.different else ""),
    )
    if fact.unknown:
        text.append(f", {fact.unknown} unknown", style="yellow")
    return text.append(f"  ({seconds:.2f} s, {rate})", style="bright_black")


def counted(number: int, word: str) -> str:
    """Return so many of something."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def _show(out: Console, decision: Decision, verdict: Verdict) -> None:
    event = decision.event
    of = event.of.id if isinstance(event, Recorded) else event.id
    out.print(
        Text.assemble(
            (f"{event.seq:>6}  ", "bright_black"),
            (_type(decision).partition("/")[0], "cyan"),
            f"  {_project(decision)}",
            (f"  {of}", "bright_black"),
            (f"  {decision.consumer} ", "bold"),
            (verdict.outcome, {"differs": "red", "equal": "green"}.get(verdict.outcome, "yellow")),
            f"  {verdict.reason}" if verdict.reason else "",
        )
    )
    for change in verdict.changes:
        _show_change(out, change)


def _show_change(out: Console, change: Change) -> None:
    sign, colour = SIGNS[change.change]
    then = f"  recorded as {change.seq}" if change.seq else ""
    out.print(
        Text.assemble(
            (f"        {sign} {change.type.partition('/')[0]}", colour),
            f"  {change.of.id}",
            (then, "bright_black"),
        )
    )
    for name, old, new in _fields(change.then, change.now):
        line = Text(f"            {name}  ", style="bright_black")
        if change.change != "additional":
            line.append(_value(old), style="red")
        if change.change == "different":
            line.append(" → ")
        if change.change != "missing":
            line.append(_value(new), style="green")
        out.print(line)


def _fields(
    then: Mapping[str, Any] | None, now: Mapping[str, Any] | None
) -> list[tuple[str, Any, Any]]:
    """Return the fields with another value, of both; all of one that stands alone."""
    old, new = then or {}, now or {}
    return [
        (name, old.get(name), new.get(name))
        for name in dict.fromkeys((*old, *new))
        if old.get(name) != new.get(name)
    ]


def _value(value: object) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= WIDEST else text[: WIDEST - 1] + "…"


def _line(decision: Decision, verdict: Verdict) -> DecisionLine:
    event = decision.event
    return DecisionLine(
        seq=event.seq,
        event=event.id if isinstance(event, Recorded) else event.event_id,
        type=_type(decision),
        project=_project(decision),
        consumer=decision.consumer,
        outcome=verdict.outcome,
        reason=verdict.reason,
        changes=verdict.changes,
    )


def _type(decision: Decision) -> str:
    event = decision.event
    if not isinstance(event, Recorded):
        return "delivery"
    return event.fact.type if isinstance(event.fact, Unknown) else tag_of(event.fact)


def _project(decision: Decision) -> str:
    event = decision.event
    if isinstance(event, Recorded):
        return event.name or event.of.project
    return next((fact.name for fact in decision.recorded if fact.name), event.forge)


def _gist(reason: str) -> str:
    """Return a reason without what tells one event from another, to be counted."""
    return " ".join(word for word in reason.split() if not any(char.isdigit() for char in word))
