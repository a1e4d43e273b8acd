"""How a build is answered: the predecessor's BuildResult, or lines of JSON while it goes on."""

import asyncio
from collections import deque
from typing import Final, Protocol

import msgspec

from edge.ingest.receiving import Send
from schemas.errors import PushlineError

EVERY: Final = 0.1  # seconds between two lines of JSON
KEPT: Final = 4 * 1024 * 1024  # bytes of a log that are answered
NDJSON: Final = b"application/x-ndjson"


class Result(msgspec.Struct, rename="camel"):
    """The predecessor's BuildResult."""

    log: list[str]
    image_name: str
    status: str  # success, or "failure: …"


class Line(msgspec.Struct, omit_defaults=True):
    """The newer builder API's."""

    log: list[str]
    image: str
    status: str  # in_progress, success or failed
    error: str = ""


class Answer(Protocol):
    """Tells a caller how a build goes."""

    def say(self, line: str) -> None:
        """Take one line of the log."""
        ...

    async def run(self) -> None:
        """Tell what there is to tell until it is cancelled."""
        ...

    async def end(self, error: PushlineError | None, status: int) -> None:
        """Tell how it ended."""
        ...


class _Log:
    """Lines up to a limit; then the newest, for they say why a build failed."""

    def __init__(self) -> None:
        self.lines: deque[str] = deque()
        self._bytes = 0

    def add(self, line: str) -> None:
        self.lines.append(line)
        self._bytes += len(line)
        while self._bytes > KEPT:
            self._bytes -= len(self.lines.popleft())

    def take(self) -> list[str]:
        taken, self._bytes = list(self.lines), 0
        self.lines.clear()
        return taken


class Whole:
    """One JSON at the end; its status is the HTTP status."""

    def __init__(self, send: Send, image: str) -> None:
        """Answer about this image."""
        self._send = send
        self._image = image
        self._log = _Log()

    def say(self, line: str) -> None:
        """Keep a line."""
        self._log.add(line)

    async def run(self) -> None:
        """Tell nothing before the end."""
        await asyncio.Event().wait()

    async def end(self, error: PushlineError | None, status: int) -> None:
        """Send the whole result."""
        said = f"failure: {error}" if error else "success"
        body = msgspec.json.encode(Result(self._log.take(), self._image, said))
        await whole(self._send, status, b"application/json", body)


class Streamed:
    """Lines of JSON as they come; the last one says how it ended."""

    def __init__(self, send: Send, image: str) -> None:
        """Answer about this image."""
        self._send = send
        self._image = image
        self._log = _Log()
        self._begun = False

    def say(self, line: str) -> None:
        """Send a line soon."""
        self._log.add(line)

    async def run(self) -> None:
        """Send what has come, again and again."""
        while True:
            await asyncio.sleep(EVERY)
            if self._log.lines:
                await self._line("in_progress")

    async def end(self, error: PushlineError | None, status: int) -> None:
        """Send what is left, and how it ended."""
        await self._line("failed" if error else "success", str(error) if error else "", status)
        await self._send({"type": "http.response.body", "body": b""})

    async def _line(self, status: str, error: str = "", code: int = 200) -> None:
        if not self._begun:
            self._begun = True
            headers = [(b"content-type", NDJSON), (b"x-content-type-options", b"nosniff")]
            start = {"type": "http.response.start", "status": code, "headers": headers}
            await self._send(start)
        line = Line(self._log.take(), self._image, status, error)
        body = msgspec.json.encode(line) + b"\n"
        await self._send({"type": "http.response.body", "body": body, "more_body": True})


async def whole(
    send: Send, status: int, kind: bytes, body: bytes, *more: tuple[bytes, bytes]
) -> None:
    """Send a whole answer."""
    headers = [(b"content-type", kind), (b"content-length", b"%d" % len(body)), *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
