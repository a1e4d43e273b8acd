"""The upstream's side: one connection, lent to one request at a time."""

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final, cast

from edge.router import causes
from edge.router.causes import Refused
from edge.router.chunked import BadChunk, Chunked
from edge.router.phases import HIGH_WATER, SENT, TUNNEL
from edge.router.request import CHUNKED, LONGEST_HEAD
from edge.router.response import (
    SWITCHING,
    UNTIL_CLOSE,
    Response,
    closing,
    switched,
    unchunked,
)

if TYPE_CHECKING:
    from edge.router.front import Front
    from edge.router.router import Router
    from edge.router.upstream import Upstream

_CONTINUE: Final = 100
_FIRST_FINAL: Final = 200


class Back(asyncio.Protocol):
    """A connection to an upstream. All its methods run in the loop's thread, none awaits."""

    __slots__ = (
        "buffer",
        "chunks",
        "front",
        "head",
        "idle_since",
        "kept",
        "left",
        "response",
        "responses",
        "router",
        "transport",
        "upstream",
    )

    transport: asyncio.Transport

    def __init__(self, router: "Router", upstream: "Upstream") -> None:
        """Belong to nobody yet."""
        self.router = router
        self.upstream = upstream
        self.responses = router.responses_of(upstream)
        self.front: Front | None = None
        self.buffer = b""  # a partial head
        self.response: Response | None = None
        self.head = b""  # of the response, not written yet
        self.left = 0  # bytes of the body to come, or CHUNKED, or UNTIL_CLOSE
        self.chunks: Chunked | None = None
        self.kept = False  # it has served before: its end may be an idle timeout
        self.idle_since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Be ready."""
        self.transport = transport = cast("asyncio.Transport", transport)
        transport.set_write_buffer_limits(HIGH_WATER)

    def connection_lost(self, error: Exception | None) -> None:
        """Tell the request, which is over or may be sent again."""
        front, self.front = self.front, None
        if front is None:
            self.upstream.forget(self)
        elif front.state == TUNNEL:
            front.finish()
        elif self.response is None:
            self.upstream.health.failed()
            if self.buffer or not front.replay(kept=self.kept):
                front.fail(causes.UPSTREAM_CLOSED)
        elif self.left == UNTIL_CLOSE and error is None:
            front.finish()
        else:
            front.fail(causes.UPSTREAM_CLOSED)

    def cut(self) -> None:
        """Let go of a transport that is closed without a word: each would hold the other."""
        with suppress(AttributeError):  # there was none yet
            del self.transport

    def pause_writing(self) -> None:
        """Hold the caller: the upstream does not read."""
        if self.front is not None:
            self.front.hold()

    def resume_writing(self) -> None:
        """Read from the caller again."""
        if self.front is not None:
            self.front.release()

    def drop(self) -> None:
        """Cancel what the upstream does for a request that is over."""
        self.front = None
        self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Take bytes of a response."""
        front = self.front
        if front is None:  # nobody asked
            self.transport.abort()
        elif self.response is None:
            self._head(front, data)
        else:
            settings = front.settings
            patience = settings.tunnel_timeout if front.state == TUNNEL else settings.stall_timeout
            front.deadline = self.router.now + patience
            self._body(front, data)

    def _head(self, front: "Front", data: bytes) -> None:
        if self.buffer:
            data = self.buffer + data
            self.buffer = b""
        end = data.find(b"\r\n\r\n") + 4
        if not 4 <= end <= LONGEST_HEAD:
            self.buffer = data
            if len(data) > LONGEST_HEAD:
                front.fail(causes.UPSTREAM_INVALID)
            return
        raw = data[:end]
        try:
            response = self.responses.get(raw) or self.responses.learn(raw)
        except Refused as refused:
            front.fail(refused.cause)
            return
        if response.status < _FIRST_FINAL:
            self._interim(front, response, raw, data[end:])
            return
        self.response = response
        front.began = True
        front.status = response.status
        sandbox = front.target.sandbox if front.target is not None else b""
        if (  # the usual case: the whole response in one read
            response.length == len(data) - end
            and not front.close_after
            and not front.line.head_only
            and front.state == SENT
            and not sandbox
        ):
            front.written = len(data) - end
            front.transport.write(data if response.verbatim else response.head + data[end:])
            self._end(front)
        else:
            self._start(front, response, sandbox, data[end:])

    def _start(self, front: "Front", response: Response, more: bytes, rest: bytes) -> None:
        """Pass on the head with more lines, and whatever came of the body with it."""
        line, head = front.line, response.head
        if more:
            head = b"%b%b\r\n" % (head[:-2], more)
        self.left = 0 if line.head_only else response.length
        if self.left == UNTIL_CLOSE or front.state != SENT:  # or it answers early
            front.close_after = True
        if self.left == CHUNKED:
            self.chunks = Chunked(payload_only=line.old, trailers=front.fields.trailers)
        if response.length == CHUNKED and line.old:
            head = unchunked(head)
        self.head = closing(head) if front.close_after else head
        front.deadline = self.router.now + front.settings.stall_timeout
        self._body(front, rest)

    def _interim(self, front: "Front", response: Response, raw: bytes, rest: bytes) -> None:
        """Pass on what comes before the response; 100 was answered by ourselves."""
        self.kept = False
        if response.status == SWITCHING:
            if not front.wants_tunnel():
                front.fail(causes.UPSTREAM_INVALID)
                return
            self.response = response
            self.left = UNTIL_CLOSE
            front.open_tunnel(self, switched(raw))
            if rest:
                self._body(front, rest)
            return
        if response.status != _CONTINUE and not front.line.old:
            front.transport.write(response.head)
        if rest:
            self._head(front, rest)

    def _body(self, front: "Front", data: bytes) -> None:
        left = self.left
        if left >= 0:
            if len(data) > left:  # more than was promised: the connection is not used again
                data = data[:left]
                self.kept = False
                self._pass(front, data)
                self._end(front, reusable=False)
                return
            self._pass(front, data)
            self.left = left - len(data)
            if not self.left:
                self._end(front)
        elif self.chunks is not None:
            try:
                passed, used = self.chunks.feed(data)
            except BadChunk:
                front.fail(causes.UPSTREAM_INVALID)
                return
            self._pass(front, passed)
            if self.chunks.done:
                self._end(front, reusable=used == len(data))
        else:
            self._pass(front, data)

    def _pass(self, front: "Front", data: bytes) -> None:
        front.written += len(data)
        if self.head:  # one write for both
            data = self.head + data
            self.head = b""
        if data:
            front.transport.write(data)

    def _end(self, front: "Front", *, reusable: bool = True) -> None:
        """Be free for the next request, unless something stands against it."""
        response = self.response
        self.front = self.response = self.chunks = None
        transport = self.transport
        if (
            reusable
            and response is not None
            and not response.close
            and not self.upstream.retired
            and front.state == SENT
            and not transport.get_write_buffer_size()
        ):
            if front.choked:
                transport.resume_reading()
            self.kept = True
            self.idle_since = self.router.now
            self.upstream.idle.append(self)
        else:
            transport.abort()
        front.finish()
