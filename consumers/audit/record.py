"""One line of the record; pure.

A line is the message as it stands in EVENTS, said in an auditor's words: it depends on nothing
but that message and the line before, so that every replica, of any release, writes the same
bytes. It ends in the hash of all that stands before it in the line, and carries the hash of the
line before: who changes, drops or inserts one has to write all later ones anew.

The check needs no Pushline: sha256 of the bytes up to ``,"hash":`` is the hash.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Final, NamedTuple

import msgspec

from bus import envelope
from bus.pull import Message

GENESIS: Final = "0" * 64  # what the first record says of the one before it
UNSAID: Final = frozenset({"type", "tail"})  # said elsewhere; and what programs print
EMPTY: Final = frozenset({b'""', b"[]", b"{}", b"null"})

_SEAL: Final = b',"hash":"'
_SEALED: Final = len(_SEAL) + 64 + len(b'"}')
_BEFORE: Final = b'"before":"'

Raws = dict[str, msgspec.Raw]

_encode = msgspec.json.Encoder().encode
_fields = msgspec.json.Decoder(Raws).decode


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """Who did what, when, because of what; ``seq`` says where in EVENTS all of it stands."""

    seq: int
    time: datetime
    who: str  # a login, or the consumer that decided
    what: str  # the fact's tag
    on: str  # <forge>:<project>:<kind>:<id>
    project: str = ""  # its name at that time
    detail: dict[str, object] = {}
    source: str = ""  # the network that a person came from, where the fact says so
    id: str
    cause: str = ""  # the id of what led to it
    run: str = ""
    body: str = ""  # sha256 of the fact's bytes, all of them
    before: str  # the hash of the record before
    hash: str  # of this line up to here


class _Unsealed(msgspec.Struct, frozen=True):
    """The same, as it is written; these fields, in this order, are what old records have."""

    seq: int
    time: str
    who: str
    what: str
    on: str
    project: str
    detail: Raws
    source: str
    id: str
    cause: str
    run: str
    body: str
    before: str


class Line(NamedTuple):
    """A record as it stands in the file, without its newline."""

    seq: int
    hash: str
    text: bytes


class Broken(ValueError):
    """A line is no record, or not the one that was written."""


def line_of(message: Message, before: str) -> Line:
    """Return the record of a message which follows on the record whose hash is ``before``.

    Whatever stands in EVENTS has one, also what nobody can decode.
    """
    headers = envelope.parse(message.raw.headers)
    id = _said(headers, "ce-id") or _said(headers, envelope.MSG_ID)
    detail = _detail(message.raw.body)
    unsealed = _Unsealed(
        message.seq,
        headers.get("ce-time", ""),
        _said(headers, "ce-actor") or id.partition(":")[0],
        headers.get("ce-type", ""),
        _about(message.raw.subject.decode(), headers),
        _said(headers, "ce-subject"),
        detail,
        _source(detail),
        id,
        _said(headers, "ce-causationid"),
        _said(headers, "ce-correlationid"),
        hashlib.sha256(message.raw.body).hexdigest(),
        before,
    )
    content = _encode(unsealed)[:-1]
    hash = hashlib.sha256(content).hexdigest()
    return Line(message.seq, hash, b'%s%s%s"}' % (content, _SEAL, hash.encode()))


def checked(text: bytes, before: str | None) -> Line:
    """Return the line if it holds; Broken says what is wrong with it.

    ``before``: the hash that it has to follow on, None for any.
    """
    content, seal = text[:-_SEALED], text[-_SEALED:]
    if not (seal.startswith(_SEAL) and seal.endswith(b'"}')) or not content.startswith(b'{"seq":'):
        raise Broken("is no record")
    hash = seal[len(_SEAL) : -2].decode("ascii", "replace")
    if hashlib.sha256(content).hexdigest() != hash:
        raise Broken("was changed: its hash is not that of its content")
    if before is not None and content[-75:] != b'%s%s"' % (_BEFORE, before.encode()):
        raise Broken("does not follow on the record before it")
    return Line(seq_of(text), hash, text)


def seq_of(text: bytes) -> int:
    """Return the sequence of a line; Broken for what is none."""
    number, comma, _ = text[7:30].partition(b",")
    if not comma or not number.isdigit():
        raise Broken("is no record")
    return int(number)


def before_of(line: Line) -> str:
    """Return the hash that a line follows on."""
    end = len(line.text) - _SEALED - 1
    return line.text[end - 64 : end].decode()


def parse(text: bytes) -> Record:
    """Return the record of a line; raises msgspec.DecodeError."""
    return msgspec.json.decode(text, type=Record)


def _about(subject: str, headers: Mapping[str, str]) -> str:
    try:
        of = envelope.about(subject, headers)
    except (KeyError, ValueError):  # no subject of ours
        return subject
    return f"{of.forge}:{of.project}:{of.kind}:{of.id}"


def _said(headers: Mapping[str, str], name: str) -> str:
    return envelope.unescape(headers.get(name, ""))


def _detail(body: bytes) -> Raws:
    """Return what the fact says; logs' tails and the like are looked up by ``seq``."""
    try:
        fields = _fields(body)
    except msgspec.DecodeError:
        return {}
    return {
        name: value
        for name, value in fields.items()
        if name not in UNSAID and bytes(value) not in EMPTY
    }


def _source(detail: Raws) -> str:
    try:
        return msgspec.json.decode(detail.get("source", b'""'), type=str)
    except msgspec.DecodeError:
        return ""
