"""What a push asks for: ref updates and capabilities (gitprotocol-pack, "Reference Update")."""

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from edge.git import pktline
from edge.git.errors import ProtocolBroken
from schemas.ids import ZERO_SHA

CAPABILITIES: Final = (
    b"report-status delete-refs quiet atomic ofs-delta side-band-64k"
    b" object-format=sha1 agent=pushline"
)
MOST: Final = 5000  # refs in one push

_COMMAND: Final = re.compile(rb"([0-9a-f]{40}) ([0-9a-f]{40}) ([^ \0]+)")
_SHALLOW: Final = re.compile(rb"shallow [0-9a-f]{40}")


class Command(msgspec.Struct, frozen=True):
    """One ref is to move from ``old`` to ``new``; 40 zeros on either side mean that it is not."""

    old: str
    new: str
    ref: str

    @property
    def deletes(self) -> bool:
        """Tell whether the ref is to go."""
        return self.new == ZERO_SHA


class Push(msgspec.Struct, frozen=True):
    """The head of a push; the pack follows in the same stream."""

    commands: tuple[Command, ...] = ()
    capabilities: frozenset[bytes] = frozenset()

    @property
    def with_pack(self) -> bool:
        """Tell whether a pack follows: it does unless all refs are deleted."""
        return not all(command.deletes for command in self.commands)

    @property
    def talks(self) -> bool:
        """Tell whether the client takes progress lines."""
        return b"side-band-64k" in self.capabilities


def parse(stream: pktline.Readable) -> Push:
    """Return the push, the stream stands at its pack; none for the probe ``0000``.

    Raises ProtocolBroken. Shallow lines are passed over: what a shallow clone does not
    send is looked for in the repository, as with any other push.
    """
    commands: list[Command] = []
    capabilities: frozenset[bytes] = frozenset()
    for text in pktline.section(stream, most=MOST):
        if _SHALLOW.fullmatch(text):
            continue
        update, _, asked = text.partition(b"\0")
        if not commands:
            capabilities = frozenset(asked.split())
        found = _COMMAND.fullmatch(update)
        if not found:
            raise ProtocolBroken(f"not a ref update: {text[:100]!r}")
        old, new, ref = found.groups()
        name = ref.decode("utf-8", "surrogateescape")
        commands.append(Command(old.decode(), new.decode(), name))
    if b"object-format=sha256" in capabilities:
        raise ProtocolBroken("this forge stores SHA-1 repositories only")
    return Push(tuple(commands), capabilities)


def report(push: Push, unpack: str, refused: Mapping[str, str]) -> bytes:
    """Return report-status, in the side-band where the client wants one, with the last flush.

    ``refused`` says why per ref; a ref that is not in it was updated.
    """
    body = b""
    if b"report-status" in push.capabilities:
        texts = [f"unpack {unpack}"]
        for command in push.commands:
            why = refused.get(command.ref)
            texts.append(f"ng {command.ref} {why}" if why else f"ok {command.ref}")
        body = pktline.lines(f"{text}\n".encode("utf-8", "surrogateescape") for text in texts)
    if not push.talks:
        return body
    return (pktline.band(pktline.PACK_DATA, body) if body else b"") + pktline.FLUSH
