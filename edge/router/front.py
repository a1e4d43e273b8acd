"""The caller's side: one connection, its requests one after the other."""

import asyncio
from typing import TYPE_CHECKING, Final, cast

from edge.router import causes
from edge.router.body import Body
from edge.router.causes import Cause, Refused
from edge.router.chunked import BadChunk
from edge.router.dial import again, dial, find_again
from edge.router.forwarding import told
from edge.router.onward import head
from edge.router.phases import ABORTED, BODY, HEAD, HIGH_WATER, LINGER, SENT, TUNNEL
from edge.router.request import (
    CHUNKED,
    LONGEST_HEAD,
    NO_FIELDS,
    NO_LINE,
    Fields,
    Line,
)

if TYPE_CHECKING:
    from edge.router.back import Back
    from edge.router.router import Router
    from edge.router.target import Target

NO_BODY: Final = Body(0)
_PROCEED: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class Front(asyncio.Protocol):
    """A caller's connection. All its methods run in the loop's thread, none awaits."""

    __slots__ = (
        "back",
        "began",
        "body",
        "buffer",
        "cause",
        "choked",
        "close_after",
        "deadline",
        "dialing",
        "fields",
        "forwarded",
        "held",
        "identity",
        "line",
        "number",
        "out",
        "parser",
        "peer",
        "replays",
        "router",
        "settings",
        "started",
        "state",
        "status",
        "target",
        "transport",
        "waiting",
        "written",
    )

    transport: asyncio.Transport

    def __init__(self, router: "Router") -> None:
        """Begin without a request."""
        self.router = router
        self.settings = router.settings  # of the route in progress, or of the one before
        self.parser = router.plain
        self.state = HEAD
        self.buffer = b""  # of what comes after: a partial head, or requests sent ahead
        self.line = NO_LINE  # of the request in progress
        self.fields = NO_FIELDS
        self.identity = b""  # the lines that tell a function who calls
        self.target: Target | None = None
        self.back: Back | None = None
        self.dialing: asyncio.Task[None] | None = None
        self.out: list[bytes] = []  # what waits for a connection, or may be sent again
        self.body = NO_BODY
        self.began = False  # the caller has seen something of a response
        self.close_after = False
        self.replays = 0
        self.held = False  # we do not read from the caller
        self.choked = False  # the caller does not read from us
        self.waiting = 0  # bytes unwritten when the deadline was last moved
        self.deadline = 0.0
        self.started = 0.0
        self.status = 0
        self.written = 0
        self.number = 0  # among all requests
        self.cause: Cause | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, or say that there are too many."""
        self.transport = transport = cast("asyncio.Transport", transport)
        transport.set_write_buffer_limits(HIGH_WATER)
        peer = transport.get_extra_info("peername")
        self.peer = str(peer[0]) if isinstance(peer, tuple) else "unix"
        self.forwarded = told(self.peer)
        router = self.router
        if self.peer in router.trusted:
            self.parser = router.believing
        self.deadline = router.now + router.settings.header_timeout
        if (cause := router.opened(self)) is not None:
            self._refuse(cause)

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002
        """Cancel what is done for a caller that left."""
        self.router.closed(self)
        self._leave()
        if self.line is not NO_LINE:
            self.status = self.status if self.began else ABORTED
            self._account()

    def data_received(self, data: bytes) -> None:
        """Take bytes of the caller's."""
        state = self.state
        if state == HEAD:
            seen = len(self.buffer)
            if seen:
                data = self.buffer + data
                self.buffer = b""
            else:
                self.deadline = self.router.now + self.router.settings.header_timeout
            self._head(data, seen)
        elif state == BODY:
            self._body(data)
        elif state == SENT:
            self.buffer += data
            if len(self.buffer) > LONGEST_HEAD:
                self.hold()
        elif state == TUNNEL and self.back is not None:
            self.deadline = self.router.now + self.settings.tunnel_timeout
            self.back.transport.write(data)

    def pause_writing(self) -> None:
        """Hold whatever fills the caller's buffer."""
        self.choked = True
        if self.back is not None:
            self.back.transport.pause_reading()
        else:
            self.transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on: the caller has read."""
        self.choked = False
        if self.back is not None:
            self.back.transport.resume_reading()
        elif self.state == HEAD:
            self.release()
            self._next()

    def hold(self) -> None:
        """Stop reading from the caller."""
        self.held = True
        self.transport.pause_reading()

    def release(self) -> None:
        """Read from the caller again."""
        self.held = False
        self.transport.resume_reading()

    def _head(self, data: bytes, seen: int = 0) -> None:
        """Take a head; its first ``seen`` bytes were looked through before."""
        end = data.find(b"\r\n\r\n", max(seen - 3, 0)) + 4
        if not 4 <= end <= LONGEST_HEAD:
            self._partial(data, seen)
            return
        cut = data.find(b"\r\n")
        router = self.router
        try:
            line = router.lines.get(data[:cut]) or router.learn_line(data[:cut])
            block = data[cut + 2 : end - 2]
            fields = self.parser.blocks.get(block) or self.parser.learn(block)
            if line.authority and line.authority != fields.authority:
                raise Refused(causes.BAD_HOST)
            if line.old and fields.length == CHUNKED:
                raise Refused(causes.BAD_FRAMING)
        except Refused as refused:
            self._refuse(refused.cause)
        else:
            self._begin(line, fields, data[end:])

    def _partial(self, data: bytes, seen: int) -> None:
        """Keep the beginning of a head, unless it can't become one."""
        if len(data) > LONGEST_HEAD:
            self._refuse(causes.HEAD_TOO_LARGE)
        elif (
            data.count(b"\n", seen) != data.count(b"\r\n", max(seen - 1, 0))
            or data.find(b"\0", seen) >= 0  # TLS: it would wait for an answer
        ):
            self._refuse(causes.BAD_HEADER)
        else:
            self.buffer = data

    def _begin(self, line: Line, fields: Fields, rest: bytes) -> None:
        router = self.router
        self.line = line
        self.fields = fields
        self.started = router.time()
        self.began, self.replays, self.identity = False, 0, b""
        self.close_after = fields.close or line.old or router.draining
        self.number = router.names.next()
        try:
            if fields.length:
                self.state = BODY
                self.body = Body(fields.length)
                rest = self._count(self.body, rest)
            else:
                self.state = SENT
                self.buffer, rest = rest, b""
            target = router.table.find(fields.host, line)
            if target.rules is not None:
                target.rules.admit(self)
        except Refused as refused:
            self._refuse(refused.cause)
            return
        self.target = target
        self.settings = settings = target.settings
        self.deadline = router.now + settings.response_timeout
        self._send(target, head(self, target) + rest)

    def wants_tunnel(self) -> bool:
        """Tell whether the caller asks for a WebSocket; nothing else is upgraded to."""
        line = self.line
        return self.fields.tunnel and line.method == "GET" and not line.old and self.state == SENT

    def _send(self, target: "Target", out: bytes) -> None:
        """Pick and count with no await between, so that a switch sees every request."""
        upstream = target.upstream
        upstream.active += 1
        back = upstream.take()
        self.out = [out]
        if back is not None:
            self.attach(back)
        else:
            self._dial()

    def _dial(self) -> None:
        if self.state == BODY:
            self.hold()
        self.dialing = self.router.spawn(dial(self.router, self))

    def attach(self, back: "Back") -> None:
        """Give the request to a connection."""
        self.dialing = None
        self.back = back
        back.front = self
        out = self.out
        if self.choked:
            back.transport.pause_reading()
        if self.fields.length:
            self.out = []  # what was sent of a body is not sent twice
            if self.state == BODY:
                if self.fields.proceed and not self.line.old:
                    self.transport.write(_PROCEED)
                self.release()  # before the write, which may hold us again
        back.transport.write(out[0] if len(out) == 1 else b"".join(out))

    def _body(self, data: bytes) -> None:
        settings = self.settings
        try:
            body = self._count(self.body, data)
        except BadChunk as bad:
            self.fail(bad.cause)
            return
        sent = self.state == SENT
        self.deadline = self.router.now + (
            settings.response_timeout if sent else settings.stall_timeout
        )
        if not body:
            return
        if self.back is not None:
            self.back.transport.write(body)
        else:
            self.out.append(body)

    def _count(self, body: Body, data: bytes) -> bytes:
        """Return what of ``data`` belongs to this body; the rest is kept for the next request."""
        passed, rest = body.take(data)
        if body.done:
            self.buffer = rest
            self.state = SENT
        return passed

    def replay(self, *, kept: bool) -> bool:
        """Send the request again: its connection, kept or not, was closed before it answered."""
        if self.fields.length or not self.line.idempotent or not again(self, kept=kept):
            return False
        self.replays += 1
        self.back = None
        self.router.counters.replayed += 1
        try:
            find_again(self)
        except Refused as refused:
            self._refuse(refused.cause)
        else:
            self._dial()
        return True

    def open_tunnel(self, back: "Back", head: bytes) -> None:
        """Pass bytes both ways from now on."""
        self.began, self.status, self.close_after = True, 101, True
        self.state = TUNNEL
        self.deadline = self.router.now + self.settings.tunnel_timeout
        self.transport.write(head)
        if self.buffer:
            back.transport.write(self.buffer)
            self.buffer = b""
        self.release()

    def finish(self) -> None:
        """End the request: its response is written."""
        self.back = None
        self._account()
        if self.close_after:
            self._close()
            return
        self.state = HEAD
        self.deadline = self.router.now + self.router.settings.keep_alive
        if self.choked:
            self.transport.pause_reading()
            return
        if self.held:
            self.release()
        if self.buffer:  # not at once: a thousand requests sent ahead would nest as deep
            self.router.loop.call_soon(self._next)

    def _next(self) -> None:
        if self.state == HEAD and self.buffer and not self.choked:
            data, self.buffer = self.buffer, b""
            self.deadline = self.router.now + self.router.settings.header_timeout
            self._head(data)

    def fail(self, cause: Cause) -> None:
        """End the request with a cause, or cut it off where its response has begun."""
        if self.began:
            self.cause = cause
            self.abort()
        else:
            self._refuse(cause)

    def abort(self) -> None:
        """Cut the connection off, so that the caller can't take what it got for the whole."""
        self._leave()
        self.close_after = True
        self.transport.close()

    def _refuse(self, cause: Cause) -> None:
        self._leave()
        self.cause, self.status = cause, cause.status.value
        if self.state != SENT or self.router.draining:
            self.close_after = True
        close, head_only = self.close_after, self.line.head_only
        self.transport.write(cause.response(close=close, head_only=head_only))
        self.finish()

    def _close(self) -> None:
        """Close; read on for a while where the caller still sends, or a reset eats the answer."""
        if self.transport.is_closing():
            return
        if self.state == TUNNEL or (self.state == SENT and not self.buffer):
            self.transport.close()
            return
        self.state = LINGER
        self.buffer = b""
        self.deadline = self.router.now + self.router.settings.linger
        self.transport.write_eof()
        self.release()

    def _leave(self) -> None:
        """Let go of the upstream."""
        if self.dialing is not None:
            if self.dialing is not asyncio.current_task():
                self.dialing.cancel()
            self.dialing = None
        if self.back is not None:
            self.back.drop()
            self.back = None

    def uncount(self) -> None:
        """Be nobody's request any more."""
        if self.target is not None:
            self.target.upstream.active -= 1
            self.target = None

    def _account(self) -> None:
        self.router.ended(self)
        self.uncount()
        self.line, self.fields = NO_LINE, NO_FIELDS
        self.out = []
        self.written = self.number = 0
        self.cause = None
