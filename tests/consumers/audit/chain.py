"""Messages as they stand in EVENTS, and the records that are made of them, without a log."""

from collections.abc import Iterable
from pathlib import Path

from bus import envelope
from bus.pull import Message
from bus.wire import Raw
from consumers.audit.record import GENESIS, Line, line_of
from schemas import catalog, subjects
from schemas.envelope import Aggregate
from schemas.events import Event
from schemas.events.run import RunFinished

RUN = Aggregate("local", "alice/hello", "run", "01JD8Z6Q5V0000000000000000")


def message(seq: int, fact: Event | None = None, *, actor: str = "planner") -> Message:
    """Return the message with this sequence."""
    fact = fact or RunFinished(outcome="live")
    headers = envelope.of_fact(
        fact, RUN, f"planner:{seq}:run.finished", cause=None, run="", actor=actor,
        name="alice/hello",
    )  # fmt: skip
    headers["ce-time"] = "2026-03-01T00:00:00Z"
    headers["ce-causationid"] = f"deployer:{seq}"
    return raw(seq, subjects.subject(RUN, fact), headers, catalog.encode(fact))


def raw(seq: int, subject: str, headers: dict[str, str], body: bytes) -> Message:
    """Return a message of these parts."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    block = f"NATS/1.0\r\n{lines}\r\n".encode()
    return Message(seq, 0, Raw(subject.encode(), b"", block, body))


def chained(messages: Iterable[Message], before: str = GENESIS) -> list[Line]:
    """Return records that follow on each other."""
    lines: list[Line] = []
    for one in messages:
        lines.append(line_of(one, before))
        before = lines[-1].hash
    return lines


def chain(count: int) -> list[Line]:
    """Return the first records of a log."""
    return chained(message(seq) for seq in range(1, count + 1))


def written(path: Path, lines: Iterable[Line]) -> Path:
    """Write a record's file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(line.text + b"\n" for line in lines))
    return path
