"""The channels beside EVENTS: what else stands in the log's streams, and who puts it there."""

from typing import Any, Final

import msgspec

from bus.deadletters import DeadLetter
from bus.timers import Timer
from schemas.usage import Usage


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of message of one stream."""

    stream: str
    address: str  # its subject; {words} are tokens of their own
    says: str
    payload: Any = None  # a struct; None: not ours to describe
    content: str = "application/json"
    headers: dict[str, str] = {}
    sent: tuple[str, ...]
    received: tuple[str, ...] = ()


_ID: Final = {"Nats-Msg-Id": "makes it stored once"}
_ADVISORY: Final = (
    "the server's word that a consumer gave a message up; the backstop of dead letters"
)

OTHERS: Final = {
    "raw-delivery": Channel(
        stream="DELIVERIES",
        address="delivery.{forge}.{id}",
        says="One webhook as the forge sent it, verified, kept for 30 days. The body is the forge's"
        " own; over 64 KiB it lies in the blobs.",
        content="application/octet-stream",
        headers={
            **_ID,
            "ce-id": "the forge's delivery id",
            "ce-source": "/<forge>/",
            "ce-time": "when it came",
            "Pushline-Blob": "the digest of the body, where it lies in the blobs",
        },
        sent=("edge",),
        received=("intake",),
    ),
    "build-log": Channel(
        stream="LOGS",
        address="log.build.{forge}.{project}.{run}.{function}",
        says="Lines that one build printed, up to 64 KiB of them, kept for 7 days.",
        content="text/plain",
        headers={**_ID, "ce-time": "when they were written"},
        sent=("builder",),
        received=("keeper", "edge"),
    ),
    "function-log": Channel(
        stream="LOGS",
        address="log.function.{forge}.{project}.{function}.{revision}",
        says="Lines that one revision of a function printed, kept for 7 days.",
        content="text/plain",
        headers={**_ID, "ce-time": "when they were written"},
        sent=("supervisor", "reconciler"),
        received=("edge",),
    ),
    "usage": Channel(
        stream="USAGE",
        address="usage.{forge}.{project}.{function}",
        says="What one router counted of one function in a part of a minute; parts add up.",
        payload=Usage,
        headers=_ID,
        sent=("router",),
        received=("edge",),
    ),
    "dead-letter": Channel(
        stream="DEADLETTERS",
        address="dead.{consumer}.{stream}.{seq}",
        says="A message that a consumer has given up: a pointer and a reason, no copy.",
        payload=DeadLetter,
        headers=_ID,
        sent=("bus",),
        received=("operator",),
    ),
    "moment": Channel(
        stream="TIMERS",
        address="timer.{purpose}.{forge}.{project}.{about}",
        says="A moment to be told of (a message schedule of the server); set again, it is moved.",
        payload=Timer,
        headers={
            "Nats-Schedule": "@at and the moment",
            "Nats-Schedule-Target": "where it is told: the same under due",
            "Nats-Schedule-TTL": "how long it waits there",
        },
        sent=("timer",),
        received=("nats-server",),
    ),
    "due": Channel(
        stream="TIMERS",
        address="due.{purpose}.{forge}.{project}.{about}",
        says="A moment has come. After a kill an old one may come again: it is compared.",
        payload=Timer,
        sent=("nats-server",),
        received=("timer",),
    ),
    "deliveries-used-up": Channel(
        stream="DEADLETTERS",
        address="$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.{stream}.{consumer}",
        says=f"io.nats.jetstream.advisory.v1.max_deliver: {_ADVISORY}.",
        sent=("nats-server",),
        received=("operator",),
    ),
    "terminated": Channel(
        stream="DEADLETTERS",
        address="$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.{stream}.{consumer}",
        says=f"io.nats.jetstream.advisory.v1.terminated: {_ADVISORY}.",
        sent=("nats-server",),
        received=("operator",),
    ),
}
