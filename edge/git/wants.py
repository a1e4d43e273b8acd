"""What a fetch asks for, in protocol version 0 (gitprotocol-pack, "Packfile Negotiation").

Over HTTP every request tells the whole of it, for the server keeps nothing.
"""

import re
from typing import Final

import msgspec

from edge.git import pktline
from edge.git.errors import ProtocolBroken

CAPABILITIES: Final = (
    b"multi_ack_detailed no-done side-band-64k thin-pack ofs-delta shallow deepen-relative"
    b" no-progress include-tag allow-tip-sha1-in-want allow-reachable-sha1-in-want"
    b" object-format=sha1 agent=pushline"
)
MOST: Final = 100_000  # lines of one request
DEEPEST: Final = 0x7FFFFFFF  # git's word for "all of it"

_ID: Final = re.compile(rb"(want|have|shallow) ([0-9a-f]{40})")
_DEEPEN: Final = re.compile(rb"deepen ([0-9]{1,10})")


class Wants(msgspec.Struct, frozen=True):
    """One request for a pack."""

    wants: tuple[bytes, ...] = ()
    capabilities: frozenset[bytes] = frozenset()
    shallow: tuple[bytes, ...] = ()  # commits whose parents the client does not have
    depth: int = 0  # 0: all of the history
    rounds: tuple[tuple[bytes, ...], ...] = ()  # what it has, a flush after each round
    done: bool = False  # no more of them will come

    @property
    def haves(self) -> tuple[bytes, ...]:
        """Return all that the client says it has."""
        return tuple(have for one in self.rounds for have in one)


def parse(stream: pktline.Readable) -> Wants:
    """Return the request; raises ProtocolBroken."""
    wants: list[bytes] = []
    shallow: list[bytes] = []
    capabilities: frozenset[bytes] = frozenset()
    depth = 0
    for text in pktline.section(stream, most=MOST):
        words = text
        if not wants:  # the first line carries the capabilities after a space
            words, asked = text[:45], text[45:]
            capabilities = frozenset(asked.split())
        if found := _ID.fullmatch(words):
            (wants if found[1] == b"want" else shallow).append(found[2])
        elif deepen := _DEEPEN.fullmatch(words):
            depth = min(int(deepen[1]), DEEPEST)
        else:
            raise ProtocolBroken(f"not understood here: {text[:100]!r}")
    rounds, done = _rounds(stream)
    return Wants(tuple(wants), capabilities, tuple(shallow), depth, rounds, done)


def _rounds(stream: pktline.Readable) -> tuple[tuple[tuple[bytes, ...], ...], bool]:
    rounds: list[tuple[bytes, ...]] = []
    haves: list[bytes] = []
    count = 0
    while head := stream.read(4):
        text = pktline.read(_Rest(head, stream))
        count += 1
        if count > MOST:
            raise ProtocolBroken(f"more than {MOST} lines in one request")
        if text is None:
            rounds.append(tuple(haves))
            haves.clear()
        elif text == b"done":
            return (*rounds, tuple(haves)), True
        elif (found := _ID.fullmatch(text)) and found[1] == b"have":
            haves.append(found[2])
        else:
            raise ProtocolBroken(f"expected what the client has, got {text[:100]!r}")
    return tuple(rounds), False


class _Rest:
    """A stream of which the next four bytes are read already."""

    def __init__(self, head: bytes, stream: pktline.Readable) -> None:
        self._head = head
        self._stream = stream

    def read(self, size: int) -> bytes:
        head, self._head = self._head[:size], self._head[size:]
        return head or self._stream.read(size)
