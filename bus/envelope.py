"""The envelope on the wire: CloudEvents 1.0 attributes in NATS headers, binary mode.

Values are percent-encoded as the NATS protocol binding of CloudEvents says (§3.1.3.2): space,
``"``, ``%`` and all that is not printable ASCII.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final
from urllib.parse import quote, unquote

import msgspec

from schemas import catalog, subjects
from schemas.envelope import Aggregate, Delivery, Recorded
from schemas.errors import Undecodable
from schemas.events import Event
from schemas.ids import tag_of

MSG_ID: Final = "Nats-Msg-Id"
BLOB: Final = "Pushline-Blob"  # the body's digest, when it lies in the blobs
FORGE_HEADER: Final = "Forge-"  # prefix of a webhook's own headers

_VALUE: Final = r"([^\r]*)\r\n"
_AS_WRITTEN = re.compile(  # by ``of_fact``, the usual way: read in a third of the time of ``parse``
    r"NATS/1\.0\r\nNats-Msg-Id: [^\r]*\r\nce-specversion: 1\.0\r\n"
    f"ce-type: {_VALUE}ce-source: [^\\r]*\\r\\nce-time: {_VALUE}"
    f"ce-datacontenttype: application/json\\r\\nce-id: {_VALUE}(?:ce-subject: {_VALUE})?"
    f"(?:ce-correlationid: {_VALUE})?(?:ce-actor: {_VALUE})?(?:ce-causationid: {_VALUE})?"
    f"(?:traceparent: {_VALUE})?(?:Nats-[^\\r]*\\r\\n)*\\r\\n"
)
_PLAIN = re.compile(r"[!#$&-~]*")
_SAFE: Final = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"%')
_SHORTENED: Final = 58  # characters of a token that stands for something longer


def now() -> datetime:
    """Return the time, UTC."""
    return datetime.now(UTC)


def written(time: datetime) -> str:
    """Return a time as it stands in headers, ``2026-01-31T12:00:00.5Z``; isoformat takes thrice."""
    text: str = msgspec.to_builtins(time)
    return text


def escape(value: str) -> str:
    """Return ``value`` as a header may carry it."""
    if _PLAIN.fullmatch(value):
        return value
    return quote(value, safe=_SAFE, errors="surrogatepass")


def unescape(value: str) -> str:
    """Return what ``escape`` was given."""
    return unquote(value, errors="surrogatepass") if "%" in value else value


def of_fact(
    fact: Event,
    of: Aggregate,
    id: str,
    *,
    cause: Recorded[Event] | Delivery | None,
    run: str,
    actor: str,
    name: str,
) -> dict[str, str]:
    """Return the headers of ``fact``; run, name and trace are taken over from its cause."""
    own, causation, trace = escape(id), "", ""
    run = of.id if of.kind == "run" else run
    if isinstance(cause, Recorded):
        causation, trace = cause.id, cause.trace
        name, run = name or cause.name, run or cause.run
    elif cause is not None:
        causation, trace = cause.event_id, cause.headers.get("traceparent", "")
    headers = {
        MSG_ID: own,
        "ce-specversion": "1.0",
        "ce-type": tag_of(fact),
        "ce-source": _source(of.forge, of.project),
        "ce-time": written(now()),
        "ce-datacontenttype": "application/json",
        "ce-id": own,
    }
    token = subjects.encode(of.id)
    shortened = len(token) == _SHORTENED and subjects.decode(token) is None
    for attribute, value in (  # in the order that ``_AS_WRITTEN`` reads
        ("ce-subject", name),
        ("ce-correlationid", run),
        ("ce-actor", actor),
        ("ce-causationid", causation),
        ("traceparent", trace),
        ("ce-aggregateid", of.id if shortened else ""),
    ):
        if value:
            headers[attribute] = escape(value)
    return headers


@lru_cache(maxsize=4096)
def _source(forge: str, project: str) -> str:
    return escape(f"/{forge}/{project}")


def parse(block: bytes) -> dict[str, str]:
    r"""Return the headers in the block ``NATS/1.0\r\nname: value\r\n…``."""
    lines = block.decode("utf-8", "replace").split("\r\n")[1:-2]
    try:
        return dict([line.split(": ", 1) for line in lines])  # the way all of ours are written
    except ValueError:
        pairs = (line.partition(":") for line in lines)
        return {name: value.strip() for name, _, value in pairs}


def event_of(subject: bytes, block: bytes, body: bytes, seq: int) -> Recorded[Event]:
    """Return the fact in a message of EVENTS as it came; Undecodable names the sequence."""
    where, text = subject.decode(), block.decode("utf-8", "replace")
    if (found := _AS_WRITTEN.fullmatch(text)) is None:
        return to_event(where, parse(block), body, seq)
    type, time, id, name, run, actor, cause, trace = found.groups("")
    if (of := _about(where.rpartition(".")[0])) is None:
        return to_event(where, parse(block), body, seq)
    if "%" in text:
        id, name, run, actor, cause = map(unescape, (id, name, run, actor, cause))
    try:
        at = datetime.fromisoformat(time)
        return Recorded(
            catalog.decode(type, body), of, id, seq, at, cause, run, actor, name, "", trace
        )
    except (ValueError, Undecodable) as error:
        raise Undecodable(f"event {seq}: {error}") from error


def to_event(subject: str, headers: Mapping[str, str], body: bytes, seq: int) -> Recorded[Event]:
    """Return the fact as it stands in EVENTS; Undecodable names the sequence."""
    get = headers.get
    try:
        return Recorded(
            catalog.decode(headers["ce-type"], body),
            about(subject, headers),
            unescape(headers["ce-id"]),
            seq,
            datetime.fromisoformat(headers["ce-time"]),
            unescape(get("ce-causationid", "")),
            unescape(get("ce-correlationid", "")),
            unescape(get("ce-actor", "")),
            unescape(get("ce-subject", "")),
            unescape(get("ce-replayid", "")),
            get("traceparent", ""),
        )
    except (KeyError, ValueError, Undecodable) as error:
        raise Undecodable(f"event {seq}: {error}") from error


def about(subject: str, headers: Mapping[str, str]) -> Aggregate:
    """Return what the message under ``subject`` is about."""
    return _about(subject.rpartition(".")[0]) or _spelt(subject, headers)


@lru_cache(maxsize=65536)
def _about(prefix: str) -> Aggregate | None:
    _, forge, project, kind, id = prefix.split(".")
    known = subjects.decode(forge), subjects.decode(project), subjects.decode(id)
    if known[0] is None or known[1] is None or known[2] is None:
        return None
    return Aggregate(known[0], known[1], kind, known[2])


def _spelt(subject: str, headers: Mapping[str, str]) -> Aggregate:
    """Return an aggregate whose token was shortened: the headers have it in full."""
    _, forge, project = unescape(headers["ce-source"]).split("/", 2)
    _, _, _, kind, token, _ = subject.split(".")
    id = subjects.decode(token)
    return Aggregate(
        forge, project, kind, unescape(headers["ce-aggregateid"]) if id is None else id
    )


def of_delivery(forge: str, id: str, chosen: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of a delivery: its identity and the chosen ones of its request."""
    headers = {
        MSG_ID: escape(f"{forge}:{id}"),
        "ce-id": escape(id),
        "ce-source": escape(f"/{forge}/"),
        "ce-time": written(now()),
    }
    headers.update((FORGE_HEADER + name, escape(value)) for name, value in chosen.items())
    return headers


def to_delivery(headers: Mapping[str, str], body: bytes, seq: int) -> Delivery:
    """Return the delivery; its body may yet have to be fetched from the blobs."""
    try:
        return Delivery(
            forge=unescape(headers["ce-source"]).strip("/"),
            id=unescape(headers["ce-id"]),
            headers={
                name.removeprefix(FORGE_HEADER): unescape(value)
                for name, value in headers.items()
                if name.startswith(FORGE_HEADER)
            },
            body=body,
            seq=seq,
            time=datetime.fromisoformat(headers["ce-time"]),
        )
    except (KeyError, ValueError) as error:
        raise Undecodable(f"delivery {seq}: {error}") from error
