"""A bundle at work without a watchdog: its process, and HTTP/1.1 by hand over its socket."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from schemas import bundle

WAIT: Final = 20.0  # seconds


def command_of(folder: Path) -> list[str]:
    """Return the bundle's command with the interpreters of this machine."""
    words = bundle.parse((folder / bundle.FILE).read_bytes()).command
    places = {"{python}": sys.executable, "{node}": shutil.which("node") or "node"}
    return [places.get(word, word) for word in words]


def environment(**more: str) -> dict[str, str]:
    """Return what a function's process sees."""
    return {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", **more}


def forked(folder: Path, body: bytes, **more: str) -> subprocess.CompletedProcess[bytes]:
    """Run the bundle once, as a forking watchdog does."""
    return subprocess.run(
        command_of(folder), cwd=folder, input=body, env=environment(**more),
        capture_output=True, check=False, timeout=WAIT,
    )  # fmt: skip


class Running:
    """The process of a bundle that listens on a socket."""

    def __init__(self, folder: Path, log: Path) -> None:
        """Start it and wait until it listens."""
        self.socket = log.with_suffix(".sock")
        self.log = log
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                command_of(folder), cwd=folder, stdout=out, stderr=subprocess.STDOUT,
                env=environment(PUSHLINE_SOCKET=str(self.socket)),
            )  # fmt: skip
        deadline = time.monotonic() + WAIT
        while True:
            assert self.process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            try:
                self.connect().close()
            except OSError:
                time.sleep(0.01)
            else:
                return

    def __enter__(self) -> Self:
        """Return the running bundle."""
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        """End the process."""
        self.process.kill()
        self.process.wait()

    def connect(self) -> socket.socket:
        """Return a connection."""
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(WAIT)
        try:
            connection.connect(str(self.socket))
        except OSError:
            connection.close()
            raise
        return connection

    def send(self, raw: bytes, *, head: bool = False) -> "Answer":
        """Send bytes over a new connection; return the one answer."""
        with self.connect() as connection:
            connection.sendall(raw)
            return answer(connection, head=head)

    def get(
        self, target: str = "/", method: str = "GET", body: bytes = b"", **fields: str
    ) -> "Answer":
        """Send one request; return the answer."""
        return self.send(request(target, method, body, fields), head=method == "HEAD")


class Answer:
    """One HTTP answer."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Keep the parts; header names are in lower case."""
        self.status = status
        self.headers = headers
        self.body = body


def request(
    target: str = "/",
    method: str = "GET",
    body: bytes = b"",
    fields: Mapping[str, str] | None = None,
) -> bytes:
    """Return the bytes of a request."""
    lines = [f"{method} {target} HTTP/1.1", "Host: x"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in (fields or {}).items()]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def answer(connection: socket.socket, *, head: bool = False) -> Answer:
    """Read one answer; its body is as long as Content-Length says, not a byte more is read."""
    raw = b""
    while not raw.endswith(b"\r\n\r\n"):
        part = connection.recv(1)
        assert part, raw
        raw += part
    first, *lines = raw.decode("latin-1").rstrip().split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    body = b""
    size = 0 if head else int(headers.get("content-length", 0))
    while len(body) < size:
        part = connection.recv(size - len(body))
        assert part, body
        body += part
    return Answer(int(first.split(" ")[1]), headers, body)
