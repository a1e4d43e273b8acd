"""Events as they are told: whole, or as who did what."""

from datetime import datetime

import msgspec

from schemas import subjects
from schemas.envelope import Recorded, Unknown
from schemas.events import Event
from schemas.ids import tag_of

UNSAID = frozenset({"type", "tail"})  # of a fact, in an auditor's words


class EventLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An event as JSON: stable, an object a line."""

    seq: int
    time: datetime
    type: str  # ce-type: run.built/1
    forge: str
    project: str = ""
    name: str = ""
    kind: str
    id: str  # what it is about: the run's ulid, environment/function …
    event: str  # its own id
    cause: str = ""
    run: str = ""
    actor: str = ""
    subject: str
    fact: object


class AuditLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who did what, when, because of what; in the words of the audit record."""

    seq: int
    time: datetime
    who: str
    what: str
    on: str  # <forge>:<project>:<kind>:<id>
    project: str = ""
    detail: dict[str, object] = {}
    source: str = ""  # the network that a person came from
    id: str
    cause: str = ""
    run: str = ""


def line_of(event: Recorded[Event]) -> EventLine:
    """Return an event in its stable JSON shape."""
    fact = fields_of(event)
    fact.pop("type", None)
    return EventLine(
        seq=event.seq,
        time=event.time,
        type=tag(event),
        forge=event.of.forge,
        project=event.of.project,
        name=event.name,
        kind=event.of.kind,
        id=event.of.id,
        event=event.id,
        cause=event.cause,
        run=event.run,
        actor=event.actor,
        subject=subjects.within(event.of) + word(event).partition(".")[2],
        fact=fact,
    )


def audit_line_of(event: Recorded[Event]) -> AuditLine:
    """Return who did what."""
    fields = fields_of(event)
    said = {name: value for name, value in fields.items() if name not in UNSAID}
    return AuditLine(
        seq=event.seq,
        time=event.time,
        who=event.actor or event.id.partition(":")[0],
        what=tag(event),
        on=f"{event.of.forge}:{event.of.project}:{event.of.kind}:{event.of.id}",
        project=event.name,
        detail={name: value for name, value in said.items() if value not in ("", [], {}, None)},
        source=str(fields.get("source", "")),
        id=event.id,
        cause=event.cause,
        run=event.run,
    )


def fields_of(event: Recorded[Event]) -> dict[str, object]:
    """Return what a fact says; of a newer release's, what stands in the log."""
    if not isinstance(event.fact, Unknown):
        fields: dict[str, object] = msgspec.to_builtins(event.fact)
        return fields
    try:
        return msgspec.json.decode(event.fact.body, type=dict[str, object])
    except msgspec.DecodeError:
        return {}


def tag(event: Recorded[Event]) -> str:
    """Return the fact's tag: ``run.built/1``."""
    return event.fact.type if isinstance(event.fact, Unknown) else tag_of(event.fact)


def word(event: Recorded[Event]) -> str:
    """Return the fact without its version: ``run.built``."""
    return tag(event).partition("/")[0]
