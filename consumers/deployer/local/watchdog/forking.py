"""Modes serializing and streaming: one process per request, body on stdin, answer on stdout."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable
from typing import Final, Literal

from consumers.deployer.local.cells import Program, describe
from consumers.deployer.local.watchdog import heads
from consumers.deployer.local.watchdog.front import Front

WHOLE: Final = 32 * 1024 * 1024  # bytes of a body that is held in memory as a whole
PIECE: Final = 64 * 1024
METHODS: Final = frozenset((b"GET", b"POST", b"PUT", b"PATCH", b"DELETE", b"HEAD", b"OPTIONS"))
Spawn = Callable[[dict[str, str], tuple[int, int, int]], Program]


class ForkingMode:
    """Starts the program by ``spawn`` for each request."""

    def __init__(self, spawn: Spawn, mode: Literal["serializing", "streaming"], log: int) -> None:
        """Take what starts the program, and the descriptor of its log."""
        self.spawn = spawn
        self.streaming = mode == "streaming"
        self.log = log
        self.up = False
        self.loop = asyncio.get_running_loop()

    def ready(self) -> bool:
        """Tell whether programs can be started."""
        return self.up

    def begin(self, front: Front, request: heads.Request) -> "Forked | None":
        """Start the program; 405 for a method that means nothing to it."""
        if request.method not in METHODS:
            front.plain(405, b"method not allowed\n", b"of-watchdog")
            return None
        if not self.up:
            front.plain(503, b"the function is being started again\n", b"of-watchdog")
            return None
        return Forked(self, front, request)


class Forked:
    """One request and its process."""

    def __init__(self, mode: ForkingMode, front: Front, request: heads.Request) -> None:
        self.mode = mode
        self.front = front
        self.request = request
        self.program: Program | None = None
        self.input = asyncio.StreamReader(limit=PIECE, loop=mode.loop)
        if mode.streaming:  # a slow program pauses the caller; else all of it is held anyway
            self.input.set_transport(front.transport)
        self.size = 0
        self.payload = bytearray()
        self.chunks = heads.Chunks(self.payload) if request.length == heads.CHUNKED else None
        self.open = asyncio.Event()  # the caller takes more of the answer
        self.open.set()
        self.task = mode.loop.create_task(self._run())

    def body(self, data: bytes) -> None:
        """Hand the payload to the process."""
        if self.chunks is not None:
            self.chunks.feed(data)
            data = bytes(self.payload)
            self.payload.clear()
        self.size += len(data)
        if not self.mode.streaming and self.size > WHOLE:
            self.front.refuse(413, b"the body is over 32 MiB; mode streaming has no limit\n")
        else:
            self.input.feed_data(data)

    def body_ended(self) -> None:
        """Let the process see the end of its input."""
        self.input.feed_eof()

    def cancel(self) -> None:
        """Kill the process and all it has started."""
        if self.program is not None:
            self.program.signal(signal.SIGKILL)
        self.task.cancel()

    def pause(self) -> None:
        """Read no more of its output."""
        self.open.clear()

    def resume(self) -> None:
        """Read on."""
        self.open.set()

    async def _run(self) -> None:
        """Start, feed, answer; whatever goes wrong, the process ends with the exchange."""
        front = self.front
        try:
            given = b"" if self.mode.streaming else await self._whole()
            async with contextlib.AsyncExitStack() as stack:
                stdin, feed = await self._pipe_in(stack)
                output, stdout = await self._pipe_out(stack)
                combined = front.door.contract.classic and front.door.contract.combine_output
                stderr = stdout if combined else self.mode.log
                env = self._environment()
                self.program = self.mode.spawn(env, (stdin, stdout, stderr))
                os.close(stdin)
                os.close(stdout)
                feeding = self.mode.loop.create_task(self._feed(feed, given))
                stack.callback(feeding.cancel)
                if self.mode.streaming:
                    await self._stream(output)
                else:
                    await self._answer(output)
        except OSError as error:
            front.refuse(500, f"cannot start: {error.strerror}\n".encode())
        finally:
            if self.program is not None:
                self.program.signal(signal.SIGKILL)

    async def _whole(self) -> bytes:
        return await self.input.read(-1)

    async def _pipe_in(self, stack: contextlib.AsyncExitStack) -> tuple[int, asyncio.StreamWriter]:
        reader, writer = os.pipe2(os.O_CLOEXEC)
        loop = self.mode.loop
        transport, protocol = await loop.connect_write_pipe(
            lambda: asyncio.StreamReaderProtocol(asyncio.StreamReader()), os.fdopen(writer, "wb", 0)
        )
        stack.callback(transport.abort)
        return reader, asyncio.StreamWriter(transport, protocol, None, loop)

    async def _pipe_out(self, stack: contextlib.AsyncExitStack) -> tuple[asyncio.StreamReader, int]:
        reader, writer = os.pipe2(os.O_CLOEXEC)
        output = asyncio.StreamReader(limit=PIECE)
        transport, _ = await self.mode.loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(output), os.fdopen(reader, "rb", 0)
        )
        stack.callback(transport.close)
        return output, writer

    async def _feed(self, feed: asyncio.StreamWriter, given: bytes) -> None:
        """Write the input; a program need not read it."""
        with contextlib.suppress(OSError):
            if self.mode.streaming:
                while piece := await self.input.read(PIECE):
                    feed.write(piece)
                    await feed.drain()
            else:
                feed.write(given)
                await feed.drain()
        feed.close()

    async def _answer(self, output: asyncio.StreamReader) -> None:
        """Answer with all of the output at once; the exit code tells the status."""
        found = bytearray()
        while piece := await output.read(PIECE):
            found += piece
            if len(found) > WHOLE:
                self.front.refuse(500, b"the answer is over 32 MiB; mode streaming has no limit\n")
                return
        status = await self._status()
        if status:
            text = f"{_go(status)}\n".encode()
            classic = self.front.door.contract.classic
            self.front.plain(500, text + bytes(found) if classic else text, b"of-watchdog")
            return
        fields = [(b"Content-Type", self._type()), (b"Content-Length", b"%d" % len(found))]
        head = self.front.head(b"HTTP/1.1 200 OK", fields)
        self.front.write(head if self.request.method == b"HEAD" else head + bytes(found))
        self.front.done()

    async def _stream(self, output: asyncio.StreamReader) -> None:
        """Streaming: the status is said with the first bytes, before anybody knows the end."""
        piece = await output.read(PIECE)
        if not piece and (status := await self._status()):
            self.front.plain(500, f"{_go(status)}\n".encode(), b"of-watchdog")
            return
        chunked = self.request.version == "1.1"
        fields = [(b"Content-Type", self._type())]
        if chunked:
            fields.append((b"Transfer-Encoding", b"chunked"))
        else:
            self.front.keep = False
        self.front.write(self.front.head(b"HTTP/1.1 200 OK", fields))
        while piece:
            if self.request.method != b"HEAD":
                self.front.write(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
            await self.open.wait()
            piece = await output.read(PIECE)
        if await self._status():
            self.front.transport.abort()  # a cut is the only way left to say that it failed
            return
        if chunked and self.request.method != b"HEAD":
            self.front.write(b"0\r\n\r\n")
        self.front.done()

    async def _status(self) -> int:
        assert self.program is not None  # noqa: S101 - started before its output was read
        return await asyncio.shield(self.program.ended)

    def _type(self) -> bytes:
        contract = self.front.door.contract
        asked = self.request.field(b"content-type") if contract.classic else None
        if asked and contract.content_type == type(contract)().content_type:
            return asked
        return contract.content_type.encode("latin-1", "replace")

    def _environment(self) -> dict[str, str]:
        """Return the request as the classic watchdog's variables."""
        if not self.front.door.contract.cgi_headers:
            return {}
        path, _, query = self.request.target.decode("latin-1").partition("?")
        found = {"Http_Method": self.request.method.decode("latin-1"), "Http_Path": path}
        if query:
            found["Http_Query"] = query
        for name, value in self.request.fields:
            key = "Http_" + name.decode("latin-1").title().replace("-", "_")
            found.setdefault(key, value.decode("latin-1").replace("\0", ""))
        length = str(self.request.length)  # -1: not known in advance
        found["Http_ContentLength"] = found["Http_Content_Length"] = length
        found.setdefault("Http_X_Call_Id", self.front.call_id.decode("latin-1"))
        return found


def _go(status: int) -> str:
    """Return how it ended in the words of Go's os/exec, which callers may know."""
    if os.WIFEXITED(status):
        return f"exit status {os.WEXITSTATUS(status)}"
    return describe(status)
