"""Server-sent events as a command reads them: each once, over restarts of whoever sends them."""

import http.client
import sys
import time
from collections.abc import Iterator
from typing import Final, NamedTuple, TypeVar

import msgspec

from edge.api.shapes import Page
from edge.cli.client import Api, ApiRefused
from edge.cli.home import NotRunning

SILENCE: Final = 45.0  # seconds; a sign of life comes each 15
PAUSES: Final = (0.2, 5.0)  # seconds before the next attempt: first, most
LARGEST: Final = 500  # items of a page

T = TypeVar("T")


class Sent(NamedTuple):
    """One event of a stream."""

    id: str
    kind: str
    data: bytes


class _End(msgspec.Struct, frozen=True):
    """Why a stream ended."""

    reason: str = ""


def streamed(
    api: Api, path: str, kind: type[T], after: int | None, /, **query: object
) -> Iterator[T]:
    """Yield what comes behind a sequence (None: from now on), until the server says: no more.

    A broken connection is made anew, for ever, and goes on behind what came last; where there was
    none, NotRunning is raised. So is ApiRefused, once the caller may not read on.
    """
    place, pause = after, PAUSES[0]
    begun = False
    while True:
        try:
            with api.stream(path, SILENCE, after=place, **query) as response:
                begun, pause = True, PAUSES[0]
                for sent in parsed(response):
                    place = int(sent.id) if sent.id else place
                    if sent.kind == "end":
                        if _over(sent.data):
                            return
                        break
                    if sent.data:
                        yield msgspec.json.decode(sent.data, type=kind)
        except (OSError, http.client.HTTPException, NotRunning, ApiRefused) as error:
            if not begun or (isinstance(error, ApiRefused) and not _passes(error)):
                raise
        if pause == PAUSES[0]:
            sys.stderr.write(f"the stream broke off, and goes on behind {place} by itself\n")
        time.sleep(pause)
        pause = min(pause * 2, PAUSES[1])


def parsed(response: http.client.HTTPResponse) -> Iterator[Sent]:
    """Yield events, and signs of life that tell a place, as the specification reads them."""
    id, kind, data = "", "", b""
    while line := response.readline():
        name, _, value = line.rstrip(b"\r\n").partition(b":")
        value = value.removeprefix(b" ")
        if name == b"id":
            id = value.decode()
        elif name == b"event":
            kind = value.decode()
        elif name == b"data":
            data = value
        elif not line.strip():
            yield Sent(id, kind, data)
            kind, data = "", b""


def newest(
    api: Api, path: str, kind: type[Page[T]], limit: int | None, /, **query: object
) -> list[T]:
    """Return what is there, the oldest first: the newest of it, all without a ``limit``."""
    found: list[T] = []
    cursor = "0"
    while cursor and (limit is None or len(found) < limit):
        many = LARGEST if limit is None else min(LARGEST, limit - len(found))
        page = api.get(path, kind, limit=many, cursor=cursor, **query)
        found += page.items
        cursor = page.cursor
    return found[::-1]


def _over(data: bytes) -> bool:
    """Tell whether the end that was said is the one that was asked for."""
    return msgspec.json.decode(data, type=_End).reason == "until"


def _passes(error: ApiRefused) -> bool:
    """Tell whether it may work later: the server is busy, or on its way up."""
    return error.status == 429 or error.status >= 500
