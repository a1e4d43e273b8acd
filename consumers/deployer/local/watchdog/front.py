"""The watchdog's side towards the router: one protocol per connection, one exchange at a time."""

import asyncio
import time
import uuid
from http import HTTPStatus
from typing import Final, Protocol, cast

from consumers.deployer.local.watchdog import heads
from consumers.deployer.local.watchdog.contract import Contract, duration

IDLE: Final = 10.0  # seconds; the router lets go after 3, so that it never meets a closing one
HIGH_WATER: Final = 256 * 1024  # bytes waiting for a slow reader before the other side is paused
_REASONS: Final = {status.value: status.phrase.encode() for status in HTTPStatus}


class Exchange(Protocol):
    """One request while it is being answered. A mode makes it; the front feeds it."""

    def body(self, data: bytes) -> None:
        """Take bytes of the body as they came, chunk lines included."""
        ...

    def body_ended(self) -> None:
        """Take note that the request is complete."""
        ...

    def cancel(self) -> None:
        """Stop: the caller has gone, or the time is up. Nothing may be written any more."""
        ...

    def pause(self) -> None:
        """Produce no more for now; the caller reads slowly."""
        ...

    def resume(self) -> None:
        """Go on."""
        ...


class Mode(Protocol):
    """How requests reach the program."""

    def begin(self, front: "Front", request: heads.Request) -> Exchange | None:
        """Begin to answer; the body follows by the exchange. None: it is answered."""
        ...

    def ready(self) -> bool:
        """Tell whether a request would be answered now."""
        ...


class Door:
    """What all connections of one revision share."""

    def __init__(self, mode: Mode, contract: Contract) -> None:
        self.mode = mode
        self.contract = contract
        self.fronts: set[Front] = set()
        self.in_flight = 0
        self.draining = False
        self.idle = asyncio.Event()
        self.idle.set()

    def enter(self) -> bool:
        """Count a request in, unless that is one too many."""
        if 0 < self.contract.max_inflight <= self.in_flight:
            return False
        self.in_flight += 1
        self.idle.clear()
        return True

    def leave(self) -> None:
        """Count a request out."""
        self.in_flight -= 1
        if not self.in_flight:
            self.idle.set()

    def drain(self) -> None:
        """Close connections that do nothing, and each other one after its answer."""
        self.draining = True
        for front in list(self.fronts):
            if front.exchange is None:
                front.transport.close()

    def sweep(self, now: float) -> None:
        """Close connections that have been idle too long."""
        for front in list(self.fronts):
            if front.exchange is None and now - front.since > IDLE:
                front.transport.close()


class Front(asyncio.Protocol):
    """One connection of the router."""

    __slots__ = (
        "answered",
        "buffer",
        "call_id",
        "chunks",
        "door",
        "exchange",
        "keep",
        "left",
        "loop",
        "receiving",
        "request",
        "since",
        "timers",
        "transport",
        "tunnel",
        "wall",
    )
    transport: asyncio.Transport

    def __init__(self, door: Door, loop: asyncio.AbstractEventLoop) -> None:
        self.door = door
        self.loop = loop
        self.buffer = b""
        self.exchange: Exchange | None = None
        self.request: heads.Request | None = None
        self.chunks: heads.Chunks | None = None
        self.left = 0  # bytes of the body still to come
        self.receiving = False
        self.answered = False  # the first byte of the answer has been written
        self.keep = True
        self.tunnel = False  # after 101 bytes go both ways as they are
        self.call_id = b""
        self.since = 0.0
        self.wall = 0.0
        self.timers: list[asyncio.TimerHandle] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection."""
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is none by descent
        self.transport.set_write_buffer_limits(HIGH_WATER)
        self.since = self.loop.time()
        self.door.fronts.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Give up what was being answered."""
        self.door.fronts.discard(self)
        if self.exchange is not None:
            exchange, self.exchange = self.exchange, None
            self._stop_timers()
            self.door.leave()
            exchange.cancel()

    def pause_writing(self) -> None:
        """Pass the caller's slowness on."""
        if self.exchange is not None:
            self.exchange.pause()

    def resume_writing(self) -> None:
        """Pass it on."""
        if self.exchange is not None:
            self.exchange.resume()

    def eof_received(self) -> bool:
        """Close with the caller."""
        return False

    def data_received(self, data: bytes) -> None:
        """Read heads; hand bodies on."""
        if self.exchange is None:
            self._head(self.buffer + data if self.buffer else data)
        elif self.tunnel:
            self.exchange.body(data)
        elif self.receiving:
            self._body(data)
        else:  # the next request before this one's answer: it waits
            self.buffer += data
            if len(self.buffer) > heads.LIMIT:
                self.transport.pause_reading()

    def _head(self, data: bytes) -> None:
        end = data.find(b"\r\n\r\n") + 4
        if end == 3:
            self.buffer = data
            if len(data) > heads.LIMIT:
                self.refuse(431, b"the head is over 64 KiB\n")
            return
        self.buffer = b""
        try:
            request = heads.Request(data[:end])
        except heads.Malformed as error:
            self.refuse(400, str(error).encode() + b"\n")
            return
        self.request = request
        self.since = self.loop.time()
        self.wall = time.time()
        self.answered = False
        self.keep = request.keep
        self.call_id = request.field(b"x-call-id") or str(uuid.uuid4()).encode()
        self.left = request.length
        self.receiving = request.length != 0
        self.chunks = heads.Chunks() if request.length == heads.CHUNKED else None
        self._begin(request)
        if self.receiving:
            if end < len(data):
                self._body(data[end:])
        elif end < len(data):
            self.buffer = data[end:]
            self._next()

    def _begin(self, request: heads.Request) -> None:
        path = request.target.partition(b"?")[0]
        if path in (b"/_/health", b"/_/ready"):
            self._about(path)
            return
        if not self.door.enter():
            self._too_many()
            return
        exchange = self.exchange = self.door.mode.begin(self, request)
        if exchange is None:
            self.door.leave()
            return
        contract = self.door.contract
        if limit := _shorter(contract.exec_timeout, request.field(b"x-timeout")):
            self.timers.append(self.loop.call_later(limit, self._too_long))
        if not self.receiving:
            exchange.body_ended()
        elif contract.read_timeout:
            self.timers.append(self.loop.call_later(contract.read_timeout, self._too_slow))

    def _about(self, path: bytes) -> None:
        """Answer for the watchdog itself, as of-watchdog does."""
        contract, door = self.door.contract, self.door
        ready = not door.draining and (path == b"/_/health" or door.mode.ready())
        if path == b"/_/ready" and 0 < contract.max_inflight <= door.in_flight:
            self._too_many()
        else:
            self.plain(200 if ready else 503, b"OK" if ready else b"not ready\n")

    def _too_many(self) -> None:
        text = b"Concurrent request limit exceeded. Max concurrent requests: %d\n"
        self.plain(429, text % self.door.contract.max_inflight, b"faas-middleware")

    def _body(self, data: bytes) -> None:
        if self.chunks is None:
            taken = min(self.left, len(data))
            self.left -= taken
            ended = not self.left
        else:
            try:
                taken, ended = self.chunks.feed(data)
            except heads.Malformed as error:
                self.refuse(400, str(error).encode() + b"\n")
                return
        exchange = self.exchange
        if exchange is not None:
            exchange.body(data if taken == len(data) else data[:taken])
        if ended:
            self.receiving = False
            if exchange is not None:
                exchange.body_ended()
        if taken < len(data):
            self.buffer += data[taken:]
            self._next()

    def _next(self) -> None:
        """Begin the next request of the buffer, when this one is through."""
        if self.exchange is None and self.buffer and not self.transport.is_closing():
            data, self.buffer = self.buffer, b""
            self._head(data)

    def _too_slow(self) -> None:
        if self.receiving:
            self.refuse(408, b"the request did not arrive within read_timeout\n")

    def _too_long(self) -> None:
        if self.door.contract.classic:
            self.refuse(408, b"Killed process.\n")
        else:
            self.refuse(504, b"the function did not answer within exec_timeout\n")

    def write(self, data: bytes) -> None:
        """Write a part of the answer."""
        self.answered = True
        self.transport.write(data)

    def head(self, first: bytes, fields: list[tuple[bytes, bytes]]) -> bytes:
        """Return an answer's head with the watchdog's own fields; ``first`` is the status line."""
        spent = self.loop.time() - self.since
        known = {name.lower() for name, _ in fields}
        own = [(b"X-Duration-Seconds", b"%.6f" % spent)]
        if b"x-call-id" not in known:
            own.append((b"X-Call-Id", self.call_id))
        if b"x-start-time" not in known:
            own.append((b"X-Start-Time", b"%d" % int(self.wall * 1e9)))
        if not self.keep or self.door.draining:
            self.keep = False
            own.append((b"Connection", b"close"))
        lines = [b"%s: %s\r\n" % field for field in (*fields, *own)]
        return b"".join((first, b"\r\n", *lines, b"\r\n"))

    def plain(self, status: int, text: bytes, internal: bytes = b"") -> None:
        """Write a whole answer of the watchdog's own, and be through with the exchange."""
        if self.receiving:
            self.keep = False  # nobody reads the rest of the body
        fields = [
            (b"Content-Type", b"text/plain; charset=utf-8"),
            (b"Content-Length", b"%d" % len(text)),
        ]
        if internal:
            fields.append((b"X-OpenFaaS-Internal", internal))
        to_head = self.request is not None and self.request.method == b"HEAD"
        first = b"HTTP/1.1 %d %s" % (status, _REASONS[status])
        self.write(self.head(first, fields) + (b"" if to_head else text))
        self.done()

    def refuse(self, status: int, text: bytes) -> None:
        """Break the exchange off: by an answer, or by a cut where one has begun."""
        exchange = self.exchange
        self.keep = False
        if self.answered and exchange is not None:
            self.transport.abort()
            return
        self.answered = False
        self.plain(status, text, b"of-watchdog" if exchange is not None else b"")
        if exchange is not None:
            exchange.cancel()

    def done(self) -> None:
        """Be through with this request: close, or wait for the next."""
        if self.exchange is not None:
            self.exchange = None
            self.door.leave()
        self._stop_timers()
        self.since = self.loop.time()
        if not self.keep or self.door.draining or self.receiving:
            self.transport.close()
        else:
            self.transport.resume_reading()
            if self.buffer:
                self.loop.call_soon(self._next)

    def _stop_timers(self) -> None:
        for timer in self.timers:
            timer.cancel()
        self.timers.clear()


def _shorter(limit: float, asked: bytes | None) -> float:
    """Return the exec timeout; a caller may ask for a shorter one by X-Timeout."""
    wanted = duration(asked.decode("latin-1")) if asked else None
    if not wanted:
        return limit
    return min(wanted, limit) if limit else wanted
