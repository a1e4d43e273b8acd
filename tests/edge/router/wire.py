"""Both ends of the router, as raw bytes: a caller, and upstreams on Unix sockets."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

Handler = Callable[["Received", asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
PATIENCE = 15.0  # seconds for anything to happen on a busy machine


class Answer(NamedTuple):
    """A response as the caller got it."""

    status: int
    headers: dict[str, str]  # names in lower case
    body: bytes

    @property
    def cause(self) -> str:
        """Return why the router itself answered, or nothing."""
        return self.headers.get("x-pushline-cause", "")


class Received(NamedTuple):
    """A request as an upstream got it."""

    method: str
    target: str
    headers: dict[str, list[str]]  # names in lower case
    head: bytes


class Upstream:
    """A server on a Unix socket that remembers each byte it got."""

    def __init__(self, handler: Handler) -> None:
        """Answer with ``handler``, which reads the body itself."""
        self.handler = handler
        self.requests: list[Received] = []
        self.connections = 0
        self.open = 0
        self.server: asyncio.Server | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        self.connections += 1
        self.open += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                request = parse(head)
                self.requests.append(request)
                await self.handler(request, reader, writer)
                await writer.drain()
                if writer.is_closing():
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            self.open -= 1
            writer.close()


def parse(head: bytes) -> Received:
    """Return what a head says, plainly."""
    first, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    method, target, _ = first.split(" ")
    headers: dict[str, list[str]] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        headers.setdefault(name.lower(), []).append(value)
    return Received(method, target, headers, head)


@asynccontextmanager
async def upstream(path: Path, handler: Handler) -> AsyncIterator[Upstream]:
    """Yield an upstream that listens at ``path``."""
    served = Upstream(handler)
    served.server = await asyncio.start_unix_server(served.serve, str(path), limit=1 << 20)
    try:
        yield served
    finally:
        served.server.close()


async def body_of(request: Received, reader: asyncio.StreamReader) -> bytes:
    """Read a request's body, chunked or of a length."""
    if "transfer-encoding" in request.headers:
        return await read_chunked(reader)
    return await reader.readexactly(int(request.headers.get("content-length", ["0"])[0]))


async def read_chunked(reader: asyncio.StreamReader) -> bytes:
    """Read a chunked body without trailers; anything else fails the test."""
    body = b""
    while True:
        size = (await reader.readuntil(b"\r\n"))[:-2]
        assert re.fullmatch(rb"[0-9A-Fa-f]+", size), size
        body += await reader.readexactly(int(size, 16))
        assert await reader.readexactly(2) == b"\r\n"
        if not int(size, 16):
            return body


def plain(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    """Return a whole response of a length."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def echo(
    request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Answer with the request's line and body."""
    body = await body_of(request, reader)
    writer.write(plain(f"{request.method} {request.target} ".encode() + body))


class Caller:
    """One connection to the router."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Wrap both directions."""
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.writer.write(data)
        await self.writer.drain()

    async def ask(self, data: bytes) -> Answer:
        """Send a request and read its response."""
        await self.send(data)
        return await self.answer(head_only=data.startswith(b"HEAD"))

    async def head(self) -> Answer:
        """Read the head of a response."""
        async with asyncio.timeout(PATIENCE):
            raw = await self.reader.readuntil(b"\r\n\r\n")
        first, *lines = raw.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
        assert re.fullmatch(r"HTTP/1\.1 \d{3} ?.*", first), first
        pairs = [line.partition(": ")[::2] for line in lines]
        return Answer(int(first[9:12]), {name.lower(): value for name, value in pairs}, b"")

    async def answer(self, *, head_only: bool = False) -> Answer:
        """Read a whole response."""
        answer = await self.head()
        headers = answer.headers
        async with asyncio.timeout(PATIENCE):
            if head_only or answer.status in (204, 304) or answer.status < 200:
                return answer
            if "transfer-encoding" in headers:
                body = await read_chunked(self.reader)
            elif "content-length" in headers:
                body = await self.reader.readexactly(int(headers["content-length"]))
            else:
                body = await self.reader.read()
        return answer._replace(body=body)

    async def ended(self) -> bool:
        """Tell whether the router closes the connection without another byte."""
        async with asyncio.timeout(PATIENCE):
            try:
                return await self.reader.read() == b""
            except ConnectionError:
                return True


@asynccontextmanager
async def calling(port: int, **options: int) -> AsyncIterator[Caller]:
    """Yield a connection to the router."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20, **options)
    try:
        yield Caller(reader, writer)
    finally:
        writer.transport.abort()


def get(path: str = "/hello", *headers: str, host: str = "alice.localhost") -> bytes:
    """Return a request without a body."""
    return "\r\n".join([f"GET {path} HTTP/1.1", f"Host: {host}", *headers, "", ""]).encode()


def post(body: bytes, path: str = "/hello", *headers: str) -> bytes:
    """Return a request with a body of a length."""
    lines = [f"POST {path} HTTP/1.1", "Host: alice.localhost", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, *headers, "", ""]).encode() + body


async def until(true: Callable[[], bool]) -> None:
    """Wait until something has become true."""
    async with asyncio.timeout(PATIENCE):
        while not true():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.002)
