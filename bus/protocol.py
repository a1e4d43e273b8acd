"""The client's side of the NATS protocol, as far as reading and publishing in bulk need it.

What a socket read brings is parsed at once, what one turn of the event loop writes leaves at
once. A handful of commands: INFO, MSG, HMSG, PING, PONG, -ERR from the server.
"""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol, cast

import msgspec

from schemas.errors import LogUnavailable

TIMEOUT: Final = 2.0  # seconds for one answer
SWEEP: Final = 0.25  # seconds between looks at who waits too long; a timer each costs a fifth more
FLUSH: Final = 8 * 1024  # bytes that are worth a system call: the server begins meanwhile
UNSENT: Final = 16 * 1024 * 1024  # bytes that a server may be behind before we stop writing

_MSG, _HMSG = b"MH"  # the first letters of what brings a message


class Raw(msgspec.Struct, gc=False):
    """A message as it came."""

    subject: bytes
    reply: bytes
    headers: bytes  # the whole block, or nothing
    body: bytes


class Info(msgspec.Struct, frozen=True):
    """What a server says of itself first."""

    max_payload: int = 1024 * 1024  # bytes, headers among them
    tls_required: bool = False
    tls_available: bool = False


class Sink(Protocol):
    """Takes the messages of one subscription."""

    messages: list[Raw]

    def wake(self) -> None:
        """Look at ``messages``: there are more, or the connection broke."""


Answer = asyncio.Future[Raw]


class Conversation(asyncio.Protocol):
    """One connection, from its INFO to its end."""

    transport: asyncio.Transport

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to listen; nothing is said before ``greet``."""
        self.sinks: dict[bytes, Sink] = {}
        self.answers: dict[bytes, tuple[Answer, float]] = {}  # oldest first, with their deadline
        self.info: asyncio.Future[Info] = loop.create_future()
        self.ready: asyncio.Future[None] = loop.create_future()
        self.closed: asyncio.Future[None] = loop.create_future()
        self.refused: Callable[[str], None] = lambda _: None
        self.lost: Callable[[], None] = lambda: None
        self.missed = 0
        self.most = 0  # bytes of a message
        self._loop = loop
        self._rest = b""
        self._out: list[bytes] = []
        self._unsent = 0
        self._sweeping: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what is written to; after a TLS handshake, another."""
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(0)  # uvloop else holds back what is flushed

    def connection_lost(self, _: Exception | None) -> None:
        """Tell everybody who waits."""
        lost = LogUnavailable("the connection to the log broke")
        for opening in (self.info, self.ready):
            if not opening.done():
                opening.set_exception(lost)
                opening.exception()  # seen, also where nobody waits yet
        for answer, _at in self.answers.values():
            if not answer.done():
                answer.set_exception(lost)
        if not self.closed.done():
            self.closed.set_result(None)
        if self._sweeping is not None:
            self._sweeping.cancel()
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

    def write(self, command: bytes) -> None:
        """Send a command with others of this turn of the event loop, in order."""
        self._out.append(command)
        self._unsent += len(command)
        if self._unsent >= FLUSH:
            self._flush()
        elif len(self._out) == 1:
            self._loop.call_soon(self._flush)

    def send(self, message: bytes, size: int) -> None:
        """Write a message; LogUnavailable where it would not arrive: it is surely not stored.

        ``size`` is what the server counts; it breaks the connection over one that is too large.
        """
        if self.transport.is_closing():
            raise LogUnavailable("the connection to the log broke")
        if size > self.most:
            raise LogUnavailable(f"{size} bytes are too many for the log, which takes {self.most}")
        if self._unsent + self.transport.get_write_buffer_size() > UNSENT:
            raise LogUnavailable("the log does not keep up")
        self.write(message)

    def expect(self, reply: bytes) -> Answer:
        """Return what the answer to a subject will be; it fails after TIMEOUT."""
        answer: Answer = self._loop.create_future()
        self.answers[reply] = answer, self._loop.time() + TIMEOUT
        if self._sweeping is None:
            self._sweeping = self._loop.call_later(SWEEP, self._sweep)
        return answer

    def _flush(self) -> None:
        out, self._out, self._unsent = self._out, [], 0
        if out and not self.transport.is_closing():
            self.transport.write(out[0] if len(out) == 1 else b"".join(out))

    def _sweep(self) -> None:
        """Fail those who have waited too long."""
        now = self._loop.time()
        for answer, at in self.answers.values():
            if at > now:
                break
            if not answer.done():
                answer.set_exception(LogUnavailable("the log did not answer in time"))
        waiting = bool(self.answers) and not self.closed.done()
        self._sweeping = self._loop.call_later(SWEEP, self._sweep) if waiting else None

    def _answer(self, message: Raw) -> None:
        waiting = self.answers.pop(message.subject, None)
        if waiting is not None and not waiting[0].done():
            waiting[0].set_result(message)

    def _control(self, line: bytes) -> None:
        """Act on INFO, PING, PONG and -ERR."""
        if line.startswith(b"INFO"):
            info = msgspec.json.decode(line[4:], type=Info)
            self.most = info.max_payload
            if not self.info.done():
                self.info.set_result(info)
        elif line == b"PING":
            self.write(b"PONG\r\n")
        elif line == b"PONG":
            self.missed = 0
            if not self.ready.done():
                self.ready.set_result(None)
        elif line.startswith(b"-ERR"):
            self.refused(line[4:].decode("utf-8", "replace").strip(" '"))


def message(subject: bytes, reply: bytes, block: bytes, body: bytes) -> bytes:
    """Return a message as it is sent; ``block`` are its headers, whole, or nothing."""
    if block:
        size = len(block)
        head = b"HPUB %b %b %d %d\r\n" % (subject, reply, size, size + len(body))
        return b"".join((head, block, body, b"\r\n"))
    return b"PUB %b %b %d\r\n%b\r\n" % (subject, reply, len(body), body)
