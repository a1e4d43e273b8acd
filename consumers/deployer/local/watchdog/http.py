"""Mode http: requests go to the program's own HTTP server, over connections that are kept.

Bytes are passed on as they come, both ways; only heads are read. A connection taken from the
pool may be closed by the program at that very moment: then a request without a body, or whose
method may be repeated, goes once more over a new one.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, cast

from consumers.deployer.local.watchdog import heads
from consumers.deployer.local.watchdog.front import HIGH_WATER, Front

IDLE: Final = 2.0  # seconds; Node closes idle connections after 5
REPEATABLE: Final = frozenset((b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE"))
REPLAYED: Final = 64 * 1024  # bytes of a request that are kept for a second try
Dial = Callable[[Callable[[], asyncio.Protocol]], Awaitable[object]]


class HttpMode:
    """The pool of connections to one program."""

    def __init__(self, dial: Dial) -> None:
        """Reach the program by ``dial``, which connects a protocol."""
        self.dial = dial
        self.pool: deque[Back] = deque()
        self.up = False  # set by the supervisor: the program was seen ready and lives
        self.loop = asyncio.get_running_loop()
        self.tasks: set[asyncio.Task[None]] = set()

    def ready(self) -> bool:
        """Tell whether the program is there."""
        return self.up

    def begin(self, front: Front, request: heads.Request) -> "Proxied | None":
        """Send the request on; 503 while the program is being started again."""
        if not self.up:
            front.plain(503, b"the function is being started again\n", b"of-watchdog")
            return None
        return Proxied(self, front, request)

    def idle(self) -> "Back | None":
        """Return a connection that may be used again."""
        limit = self.loop.time() - IDLE
        while self.pool:
            back = self.pool.pop()
            if not back.transport.is_closing() and back.since > limit:
                return back
            back.transport.close()
        return None

    def forget(self) -> None:
        """Close all idle connections: their program has gone."""
        while self.pool:
            self.pool.pop().transport.close()

    def sweep(self, now: float) -> None:
        """Close connections that have been idle too long."""
        while self.pool and now - self.pool[0].since > IDLE:
            self.pool.popleft().transport.close()


class Proxied:
    """One request on its way through."""

    __slots__ = ("back", "front", "kept", "mode", "request", "retry", "waiting")

    def __init__(self, mode: HttpMode, front: Front, request: heads.Request) -> None:
        self.mode = mode
        self.front = front
        self.request = request
        self.back: Back | None = None
        self.waiting: list[bytes] | None = None  # until the connection is there
        head = _head(front, request)
        may = request.method in REPEATABLE or request.length == 0
        self.kept = bytearray(head)
        self.retry = may and not request.upgrade
        if (back := mode.idle()) is not None:
            self._use(back)
            back.transport.write(head)
        else:
            self._dial([head])

    def _use(self, back: "Back") -> None:
        self.back = back
        back.exchange = self
        back.to_head = self.request.method == b"HEAD"

    def _dial(self, first: list[bytes]) -> None:
        self.waiting = first
        task = self.mode.loop.create_task(self._dialled())
        self.mode.tasks.add(task)
        task.add_done_callback(self.mode.tasks.discard)

    async def _dialled(self) -> None:
        back = Back(self.mode)
        self.retry = False  # a new connection is not stale
        try:
            await self.mode.dial(lambda: back)
        except OSError:
            if self.waiting is not None:
                self.waiting = None
                self.front.refuse(502, b"the function does not accept connections\n")
            return
        if self.waiting is None:  # cancelled meanwhile
            back.transport.close()
            return
        self._use(back)
        waiting, self.waiting = self.waiting, None
        back.transport.write(b"".join(waiting))
        self.front.transport.resume_reading()

    def body(self, data: bytes) -> None:
        """Pass a part of the body on; after an upgrade, whatever comes."""
        if self.retry:
            self.kept += data
            self.retry = len(self.kept) <= REPLAYED
        if self.waiting is not None:
            self.waiting.append(data)
            self.front.transport.pause_reading()
        elif self.back is not None:
            self.back.transport.write(data)

    def body_ended(self) -> None:
        """Nothing to do: the framing says so to the program."""

    def cancel(self) -> None:
        """Let the program see that nobody waits."""
        self.waiting = None
        back, self.back = self.back, None
        if back is not None:
            back.exchange = None
            back.transport.abort()

    def pause(self) -> None:
        """Read no more of the answer."""
        if self.back is not None:
            self.back.transport.pause_reading()

    def resume(self) -> None:
        """Read on."""
        if self.back is not None:
            self.back.transport.resume_reading()

    def lost(self, *, fresh: bool) -> None:
        """Try once more where the program had closed before it read anything, else say so."""
        self.back = None
        if self.retry and not fresh and not self.front.answered:
            self._dial([bytes(self.kept)])
        else:
            self.front.refuse(502, b"the function closed the connection\n")


class Back(asyncio.Protocol):
    """One connection to the program."""

    __slots__ = (
        "answer",
        "buffer",
        "chunks",
        "exchange",
        "fresh",
        "left",
        "mode",
        "since",
        "to_head",
        "transport",
    )
    transport: asyncio.Transport

    def __init__(self, mode: HttpMode) -> None:
        self.mode = mode
        self.exchange: Proxied | None = None
        self.answer: heads.Answer | None = None
        self.chunks: heads.Chunks | None = None
        self.buffer = b""
        self.left = 0
        self.to_head = False
        self.fresh = True  # has answered nothing yet
        self.since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection."""
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is none by descent
        self.transport.set_write_buffer_limits(HIGH_WATER)

    def pause_writing(self) -> None:
        """Pass the program's slowness on to the caller."""
        if self.exchange is not None:
            self.exchange.front.transport.pause_reading()

    def resume_writing(self) -> None:
        """Pass it on."""
        if self.exchange is not None:
            self.exchange.front.transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        """Read the answer's head; pass the rest on."""
        exchange = self.exchange
        if exchange is None:
            self.transport.close()  # nobody asked
            return
        try:
            if self.answer is None:
                self._head(exchange.front, self.buffer + data if self.buffer else data)
            else:
                self._body(exchange.front, data)
        except heads.Malformed:
            exchange.front.refuse(502, b"the function's answer is not HTTP\n")

    def _head(self, front: Front, data: bytes) -> None:
        end = data.find(b"\r\n\r\n") + 4
        if end == 3:
            self.buffer = data
            if len(data) > heads.LIMIT:
                raise heads.Malformed("the head is over 64 KiB")
            return
        self.buffer = b""
        answer = heads.Answer(data[:end], to_head=self.to_head)
        if answer.status == 101:
            self._tunnel(front, answer, data[end:])
            return
        if answer.status < 200:  # 100 Continue, 103 Early Hints: the answer is still to come
            front.transport.write(data[:end])
            if end < len(data):
                self._head(front, data[end:])
            return
        if answer.length == heads.UNTIL_CLOSE:
            front.keep = False
        head = front.head(answer.first, _without_hops(answer.fields))
        self.answer = answer
        self.left = answer.length
        self.chunks = heads.Chunks() if answer.length == heads.CHUNKED else None
        rest = data[end:]
        if answer.length == len(rest):  # the whole answer in one read: the usual case
            front.write(head + rest)
            self._end(front)
            return
        front.write(head)
        if rest or answer.length == 0:
            self._body(front, rest)

    def _tunnel(self, front: Front, answer: heads.Answer, rest: bytes) -> None:
        """From here on bytes go both ways as they are, until either side closes."""
        front.tunnel = True
        front.keep = False
        for timer in front.timers:
            timer.cancel()
        lines = [b"%s: %s\r\n" % field for field in answer.fields]
        front.write(b"".join((answer.first, b"\r\n", *lines, b"\r\n", rest)))
        self.answer = answer
        self.left = heads.UNTIL_CLOSE

    def _body(self, front: Front, data: bytes) -> None:
        if self.left == heads.UNTIL_CLOSE:
            front.write(data)
            return
        if self.chunks is not None:
            taken, ended = self.chunks.feed(data)
        else:
            taken = min(self.left, len(data))
            self.left -= taken
            ended = not self.left
        front.write(data[:taken])
        if ended:
            if taken < len(data) and self.answer is not None:
                self.answer.keep = False  # more than was announced: not to be trusted again
            self._end(front)

    def _end(self, front: Front) -> None:
        answer, exchange = self.answer, self.exchange
        self.exchange = self.answer = self.chunks = None
        self.fresh = False
        lasting = answer is not None and answer.keep and self.mode.up and not front.receiving
        if exchange is not None:
            exchange.back = None
            lasting = lasting and exchange.request.version == "1.1"
        self.transport.resume_reading()
        if lasting:
            self.since = self.mode.loop.time()
            self.mode.pool.append(self)
        else:
            self.transport.close()
        front.done()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """End an answer that ends so; else try again, or say that the program has gone."""
        exchange, self.exchange = self.exchange, None
        if exchange is None:
            if self in self.mode.pool:
                self.mode.pool.remove(self)
        elif self.answer is not None and self.left == heads.UNTIL_CLOSE:
            exchange.back = None
            exchange.front.done()
        else:
            exchange.lost(fresh=self.fresh)


def _head(front: Front, request: heads.Request) -> bytes:
    """Return the head that the program gets."""
    fields = request.fields
    lines = [b"%s %s HTTP/%s\r\n" % (request.method, request.target, request.version.encode())]
    known = set()
    named = _named_hops(fields)
    upgrading = (b"connection", b"upgrade") if request.upgrade else ()
    for name, value in fields:
        low = name.lower()
        known.add(low)
        if low in upgrading or not (low in heads.HOP or low in named):
            lines.append(b"%s: %s\r\n" % (name, value))
    if b"x-call-id" not in known:
        lines.append(b"X-Call-Id: %s\r\n" % front.call_id)
    if b"x-start-time" not in known:
        lines.append(b"X-Start-Time: %d\r\n" % time.time_ns())
    lines.append(b"\r\n")
    return b"".join(lines)


def _without_hops(fields: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    named = _named_hops(fields)
    return [
        field for field in fields if (low := field[0].lower()) not in heads.HOP and low not in named
    ]


def _named_hops(fields: list[tuple[bytes, bytes]]) -> frozenset[bytes]:
    """Return the fields that Connection names: they go no further than this hop."""
    named = frozenset[bytes]()
    for name, value in fields:
        if name.lower() == b"connection":
            named |= {option.strip().lower() for option in value.split(b",")}
    return named - {b"close", b"keep-alive", b"content-length", b"transfer-encoding", b"host"}
