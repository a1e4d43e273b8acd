"""Canaries: secrets of a value that is found wherever it gets to, however it is written there."""

import base64
import gzip
import lzma
import secrets
import zlib
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, suppress
from functools import partial
from pathlib import Path
from typing import Final

from bus import streams
from bus.connection import Bus
from bus.jetstream import patiently

# read, as people's programs keep them: with a permission for their owner alone
KEPT: Final = ("nats/credentials.json", "nats/nats.conf", "token", "endpoint.json")
LOG_STORE: Final = "nats/store"  # its messages are read through the server
_UNPACK: Final = (gzip.decompress, zlib.decompress, lzma.decompress)


class Cage:
    """Planted secrets by name, and the kinds of places where each may be."""

    def __init__(self) -> None:
        """Begin without any."""
        self._values: dict[str, str] = {}
        self._may: dict[str, frozenset[str]] = {}

    def plant(self, name: str, *may: str, value: str = "") -> str:
        """Return a new secret, which may be found at places that begin so, and nowhere else."""
        self._values[name] = value or f"canary{secrets.token_hex(12)}"
        self._may[name] = frozenset(may)
        return self._values[name]

    def escaped(self, place: str, body: bytes) -> list[str]:
        """Return what is in these bytes and must not be there, as ``name at place``."""
        found = []
        for name, value in self._values.items():
            if place.startswith(tuple(self._may[name])):
                continue
            if any(form in body for form in written(value)):
                found.append(f"{name} at {place}")
        return found

    def __contains__(self, body: bytes) -> bool:
        """Tell whether any canary at all is in these bytes."""
        return any(form in body for value in self._values.values() for form in written(value))


def written(value: str) -> Iterator[bytes]:
    """Yield a value as it may stand somewhere: plain, in hex, in base64 at any offset."""
    raw = value.encode()
    yield raw
    yield raw.hex().encode()
    for ahead in range(3):  # without the letters that depend on what stands around it
        yield base64.b64encode(b"\0" * ahead + raw)[(ahead * 8 + 5) // 6 : len(raw) * 8 // 6]


async def messages(bus: Bus) -> AsyncGenerator[tuple[str, bytes], None]:
    """Yield every message of every stream: stream and subject; headers and body together."""
    for stream in (config["name"] for config in streams.STREAMS):
        seq = 0
        while True:
            after = partial(bus.js.message, stream, seq=seq + 1, next_by_subj=">")
            stored = await patiently(after)
            if stored is None:
                break
            seq = stored.seq
            whole = stored.subject.encode() + b"\n" + stored.headers + stored.body
            yield f"{stream} {stored.subject} #{seq}", whole


def files(home: Path) -> Iterator[tuple[str, bytes]]:
    """Yield every file of a home, what is packed unpacked as well."""
    for path in sorted(home.rglob("*")):
        place = path.relative_to(home).as_posix()
        if not path.is_file() or place in KEPT or place.startswith(LOG_STORE):
            continue
        body = path.read_bytes()
        yield place, body
        for unpack in _UNPACK:
            with suppress(OSError, EOFError, zlib.error, lzma.LZMAError):
                yield place, unpack(body)


async def search(cage: Cage, bus: Bus, home: Path) -> tuple[list[str], int]:
    """Return what has escaped into streams and files, and how many places were looked at."""
    found, looked = [], 0
    async with aclosing(messages(bus)) as stored:
        async for place, body in stored:
            looked += 1
            found += cage.escaped(place, body)
    for place, body in files(home):
        looked += 1
        found += cage.escaped(place, body)
    return found, looked
