"""The envelope: what stands around a fact, CloudEvents 1.0 in NATS headers (binary mode)."""

from datetime import datetime
from typing import Generic, TypeVar

import msgspec

from schemas.events import Event

E = TypeVar("E", bound=Event, covariant=True)


class Aggregate(msgspec.Struct, frozen=True, gc=False):
    """What a fact is about; guards and order hold within it."""

    forge: str  # github, gitlab, local
    project: str  # the forge's own id of the repository; local: owner/name; "" above projects
    kind: str  # the first word of the tag: run, branch, function …
    id: str  # function: environment/name


def tenant(forge: str, owner: str) -> Aggregate:
    """Return a forge's owner; no forge tells logins apart by case."""
    return Aggregate(forge, "", "tenant", owner.lower())


class Unknown(Event, frozen=True):
    """A fact written by a newer release; audit and tail show it, workers pass over it."""

    type: str  # its ce-type
    body: msgspec.Raw


class Recorded(msgspec.Struct, Generic[E], frozen=True, gc=False):
    """A fact as it stands in EVENTS."""

    fact: E
    of: Aggregate
    id: str  # ce-id, and the Nats-Msg-Id
    seq: int
    time: datetime  # UTC
    cause: str = ""  # ce-causationid: the id of the event (or delivery) that led to this one
    run: str = ""  # ce-correlationid
    actor: str = ""  # ce-actor: a forge's login, or the consumer
    name: str = ""  # ce-subject: the project's name when this was written, owner/name
    replay: str = ""  # ce-replayid: a message of a replay, which no worker may act on
    trace: str = ""  # W3C traceparent


class Delivery(msgspec.Struct, frozen=True):
    """One webhook as the forge sent it, verified before it was stored."""

    forge: str
    id: str  # the forge's own; (forge, id) is stored once
    headers: dict[str, str]  # the chosen ones, names in lower case
    body: bytes
    seq: int  # in DELIVERIES
    time: datetime  # UTC, when it was stored

    @property
    def event_id(self) -> str:
        """Return its Nats-Msg-Id, the cause of the facts that intake derives from it."""
        return f"{self.forge}:{self.id}"
