"""A second connection that reads in bulk: what a socket read brings is parsed at once.

nats-py parses, allocates and queues message by message and comes to 70-80k/s; history is read
at two to three times that. ``bus/publish`` stores deliveries over it, too.
"""

import asyncio
import itertools
import secrets
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, Self, cast
from urllib.parse import urlsplit

import msgspec
import structlog

from schemas.errors import AccessDenied, LogUnavailable, PushlineError

if TYPE_CHECKING:
    from bus.settings import BusSettings

log = structlog.get_logger(__name__)

PING_EVERY: Final = 10.0  # seconds; a server that misses two is taken for dead
PAUSE: Final = (0.02, 0.25)  # seconds between connections: first, most
TIMEOUT: Final = 2.0  # seconds for one answer
UNSENT: Final = 16 * 1024 * 1024  # bytes that a server may be behind before we stop writing

_MSG, _HMSG = b"MH"  # the first letters of what brings a message


class Raw(NamedTuple):
    """A message as it came."""

    subject: bytes
    reply: bytes
    headers: bytes  # the whole block, or nothing
    body: bytes


class _Info(msgspec.Struct, frozen=True):
    """What a server says of itself first."""

    max_payload: int = 1024 * 1024  # bytes, headers among them


class Sink(Protocol):
    """Takes the messages of one subscription."""

    messages: list[Raw]

    def wake(self) -> None:
        """Look at ``messages``: there are more, or the connection broke."""


class _Protocol(asyncio.Protocol):
    """The client's side of the NATS protocol, as far as reading needs it."""

    def __init__(self, greeting: bytes) -> None:
        self.sinks: dict[bytes, Sink] = {}
        self.answers: dict[bytes, asyncio.Future[Raw]] = {}
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.refused: Callable[[str], None] = lambda _: None
        self.lost: Callable[[], None] = lambda: None
        self.missed = 0
        self.most = 0  # bytes of a message
        self._greeting = greeting
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def connection_lost(self, _: Exception | None) -> None:
        lost = LogUnavailable("the connection to the log broke")
        if not self.ready.done():
            self.ready.set_exception(lost)
        for answer in self.answers.values():
            if not answer.done():
                answer.set_exception(lost)
        self.closed.set_result(None)
        self.lost()
        for sink in self.sinks.values():
            sink.wake()

    def data_received(self, data: bytes) -> None:
        """Parse all that is whole; keep the rest for the next time."""
        if self._rest:
            data = self._rest + data
        touched: set[Sink] = set()
        place, end, find = 0, len(data), data.find
        while (line := find(b"\r\n", place)) >= 0:
            first = data[place]
            if first in (_MSG, _HMSG):
                parts = data[place:line].split(b" ")
                size, start = int(parts[-1]), line + 2
                if start + size + 2 > end:
                    break
                if first == _HMSG:
                    body = start + int(parts[-2])
                    reply = parts[3] if len(parts) == 6 else b""
                else:
                    body = start
                    reply = parts[3] if len(parts) == 5 else b""
                message = Raw(parts[1], reply, data[start:body], data[body : start + size])
                if (sink := self.sinks.get(parts[2])) is not None:
                    sink.messages.append(message)
                    touched.add(sink)
                else:
                    self._answer(message)
                place = start + size + 2
            else:
                self._control(data[place:line])
                place = line + 2
        self._rest = data[place:]
        for sink in touched:
            sink.wake()

    def send(self, message: bytes, size: int) -> None:
        """Write a message; LogUnavailable where it would not arrive: it is surely not stored.

        ``size`` is what the server counts; it breaks the connection over one that is too large.
        """
        if self.transport.is_closing():
            raise LogUnavailable("the connection to the log broke")
        if size > self.most:
            raise LogUnavailable(f"{size} bytes are too many for the log, which takes {self.most}")
        if self.transport.get_write_buffer_size() > UNSENT:
            raise LogUnavailable("the log does not keep up")
        self.transport.write(message)

    def _answer(self, message: Raw) -> None:
        future = self.answers.pop(message.subject, None)
        if future is not None and not future.done():
            future.set_result(message)

    def _control(self, line: bytes) -> None:
        """Act on INFO, PING, PONG and -ERR."""
        if line.startswith(b"INFO"):
            self.most = msgspec.json.decode(line[4:], type=_Info).max_payload
            if not self.ready.done():
                self.transport.write(self._greeting)
        elif line == b"PING":
            self.transport.write(b"PONG\r\n")
        elif line == b"PONG":
            self.missed = 0
            if not self.ready.done():
                self.ready.set_result(None)
        elif line.startswith(b"-ERR"):
            self.refused(line[4:].decode("utf-8", "replace").strip(" '"))


class Wire:
    """The reading connection; opened with the first reader, kept until closed."""

    def __init__(self, settings: "BusSettings", *, name: str) -> None:
        """Connect, when needed, as ``settings`` say."""
        self.fatal: Callable[[PushlineError], None] = lambda _: None
        self.inbox = f"{settings.inbox}.{secrets.token_hex(6)}"
        self._urls = itertools.cycle(settings.nats_url.split(","))
        self._settings = settings
        self._name = name
        self._sids = itertools.count(2)
        self._tokens = itertools.count()
        self._protocol: _Protocol | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._up = asyncio.Event()

    async def __aenter__(self) -> Self:
        """Return itself; nothing is connected yet."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connection."""
        if self._keeper is not None:
            self._keeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeper
        if self._protocol is not None:
            self._protocol.transport.close()

    async def ready(self) -> None:
        """Wait until there is a connection."""
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep(), name="wire")
        await self._up.wait()

    @property
    def up(self) -> bool:
        """Tell whether there is a connection."""
        return self._up.is_set()

    def subscribe(self, sink: Sink) -> tuple[bytes, str]:
        """Give ``sink`` what comes to a new subject; return the subscription and the subject.

        It lasts as long as the connection.
        """
        protocol = self._connected()
        sid, subject = b"%d" % next(self._sids), f"{self.inbox}.s.{next(self._tokens)}"
        protocol.sinks[sid] = sink
        protocol.transport.write(b"SUB %s %s\r\n" % (subject.encode(), sid))
        return sid, subject

    def unsubscribe(self, sid: bytes) -> None:
        """Take no more for this subscription."""
        if self._protocol is not None and self._protocol.sinks.pop(sid, None) is not None:
            self._protocol.transport.write(b"UNSUB %s\r\n" % sid)

    def publish(self, subject: str, body: bytes, reply: str = "") -> None:
        """Send a message; lost when the connection is."""
        head = f"PUB {subject} {reply} {len(body)}\r\n".encode()
        self._connected().transport.write(head + body + b"\r\n")

    async def request(self, subject: str, body: bytes, block: bytes = b"") -> Raw:
        """Return the answer; LogUnavailable when there is none, and it may have been done.

        ``block`` are the headers, whole.
        """
        await self.ready()
        protocol = self._connected()
        loop = asyncio.get_running_loop()
        reply = f"{self.inbox}.q.{next(self._tokens)}"
        key, future = reply.encode(), loop.create_future()
        protocol.send(_message(subject, reply, block, body), len(block) + len(body))
        protocol.answers[key] = future
        # a timer is a fifth of asyncio.timeout, and there is one for each message stored
        timer = loop.call_later(TIMEOUT, _late, future)
        try:
            answer: Raw = await future
        finally:
            timer.cancel()
            protocol.answers.pop(key, None)
        return answer

    async def _keep(self) -> None:
        """Hold a connection, for ever."""
        pause = PAUSE[0]
        while True:
            try:
                protocol = await self._connect(next(self._urls))
            except (OSError, TimeoutError, LogUnavailable) as error:
                log.debug("wire_not_connected", error=str(error))
                await asyncio.sleep(pause)
                pause = min(pause * 2, PAUSE[1])
                continue
            pause = PAUSE[0]
            await _watch(protocol)

    async def _connect(self, url: str) -> _Protocol:
        parts = urlsplit(url if "//" in url else f"nats://{url}")
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(5):
            _, protocol = await loop.create_connection(
                lambda: _Protocol(self._greeting(parts.username, parts.password)),
                parts.hostname or "127.0.0.1",
                parts.port or 4222,
            )
            protocol.refused = self._refused
            try:
                await protocol.ready
            except BaseException:
                protocol.transport.abort()
                raise
        protocol.lost = self._up.clear
        self._protocol = protocol
        self._up.set()
        return protocol

    def _connected(self) -> _Protocol:
        if self._protocol is None:
            raise LogUnavailable("there is no connection to the log yet")
        return self._protocol

    def _greeting(self, user: str | None, password: str | None) -> bytes:
        options = {
            "verbose": False,
            "pedantic": False,
            "headers": True,
            "no_responders": True,
            "lang": "pushline",
            "version": "1",
            "protocol": 1,
            "name": f"{self._name}-wire",
            "user": self._settings.user or user or "",
            "pass": self._settings.password or password or "",
        }
        answers = f"SUB {self.inbox}.q.* 1\r\n".encode()
        return b"CONNECT " + msgspec.json.encode(options) + b"\r\n" + answers + b"PING\r\n"

    def _refused(self, text: str) -> None:
        lowered = text.lower()
        if "permissions violation" in lowered or "authorization" in lowered:
            user = self._settings.user or "(none)"
            self.fatal(AccessDenied(f"user {user}: {text}"))
        else:
            log.warning("wire_refused", error=text)


def _message(subject: str, reply: str, block: bytes, body: bytes) -> bytes:
    """Return a request as it is sent."""
    if block:
        head = f"HPUB {subject} {reply} {len(block)} {len(block) + len(body)}\r\n"
    else:
        head = f"PUB {subject} {reply} {len(body)}\r\n"
    return b"".join((head.encode(), block, body, b"\r\n"))


def _late(answer: asyncio.Future[Raw]) -> None:
    if not answer.done():
        answer.set_exception(LogUnavailable("the log did not answer in time"))


async def _watch(protocol: _Protocol) -> None:
    """Return when the connection has ended; end one that has gone silent."""
    while not protocol.closed.done():
        await asyncio.wait((protocol.closed,), timeout=PING_EVERY)
        if protocol.missed > 1:
            protocol.transport.abort()
        elif not protocol.closed.done():
            protocol.missed += 1
            protocol.transport.write(b"PING\r\n")
