"""A request of a browser, read: only what was said once counts."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qsl

import msgspec

from edge.auth.door import host_of
from edge.auth.signin.errors import SignInRefused

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

LARGEST: Final = 16 * 1024  # bytes of a form
FIELDS: Final = 30


class Request(msgspec.Struct, frozen=True):
    """What the handlers see; no repr of it says what was sent."""

    method: str
    path: str
    host: str  # without its port
    query: dict[str, str]
    cookie: bytes
    source: str  # the network it comes from
    scope: Mapping[str, Any]
    form: dict[str, str]

    def __repr__(self) -> str:
        """Return what was asked for, without codes and cookies."""
        return f"Request({self.method} {self.path})"


async def read(scope: Message, receive: Receive, source: str) -> Request:
    """Return a request with its form; raises SignInRefused for a large one."""
    headers = dict(scope["headers"])
    body = await _body(receive) if scope["method"] == "POST" else b""
    return Request(
        method=scope["method"],
        path=scope["path"],
        host=host_of(scope),
        query=_fields(scope.get("query_string", b"")),
        cookie=headers.get(b"cookie", b""),
        source=source,
        scope=scope,
        form=_fields(body),
    )


async def _body(receive: Receive) -> bytes:
    body, more = bytearray(), True
    while more:
        part = await receive()
        body += part.get("body", b"")
        more = part.get("more_body", False)
        if len(body) > LARGEST:
            raise SignInRefused("this form is too large")
    return bytes(body)


def _fields(text: bytes) -> dict[str, str]:
    """Return what was said once: of two values nobody knows which one is meant."""
    try:
        pairs = parse_qsl(text.decode("latin-1"), keep_blank_values=True, max_num_fields=FIELDS)
    except ValueError:
        return {}
    times = Counter(name for name, _ in pairs)
    return {name: value for name, value in pairs if times[name] == 1}
