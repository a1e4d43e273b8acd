"""Little servers on loopback that behave as stores should not."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from bus.settings import S3Settings


class Asked(NamedTuple):
    """The head of one request; a connection's next one has the same Player."""

    command: str
    path: str
    headers: Message


class Player(BaseHTTPRequestHandler):
    """Answers as the test says; writes down what it was asked."""

    protocol_version = "HTTP/1.1"
    server: "Stage"

    def _play(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        self.server.asked.append(Asked(self.command, self.path, self.headers))
        self.server.act(self, body)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _play  # noqa: N815 - http.server's names

    def say(self, status: int, body: bytes = b"", **headers: str) -> None:
        """Send a whole answer."""
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def refuse(self, status: int, code: str) -> None:
        """Send an error in S3's shape."""
        self.say(status, f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode())

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class Stage(ThreadingHTTPServer):
    """A server whose requests are all played by one function."""

    daemon_threads = True

    def __init__(self, act: Callable[[Player, bytes], None]) -> None:
        """Listen on a port of the system's choice."""
        super().__init__(("127.0.0.1", 0), Player)
        self.act = act
        self.asked: list[Asked] = []

    def settings(self, **other: Any) -> S3Settings:
        """Return settings that lead here, and wait but shortly."""
        own: dict[str, Any] = {
            "bucket": "functions",
            "url": f"http://127.0.0.1:{self.server_port}",
            "access_key": "key",
            "secret_key": "hunter2",
            "connect_seconds": 0.5,
            "read_seconds": 0.5,
            "attempts": 2,
        }
        return S3Settings(**own | other)

    def handle_error(self, *_: Any) -> None:
        """Say nothing: the client has gone away, as it should."""


@contextmanager
def playing(act: Callable[[Player, bytes], None]) -> Iterator[Stage]:
    """Yield a running server."""
    with Stage(act) as stage:
        thread = threading.Thread(target=stage.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield stage
        finally:
            stage.shutdown()
            thread.join()


def etag(body: bytes) -> str:
    """Return what a store calls a body."""
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
