"""Serves handler.handle(event, context) over HTTP/1.1, with the standard library alone.

Listens on the Unix socket named by PUSHLINE_SOCKET, or on port 5000. A connection has a thread.
The interpreter is started with -S, so that nothing but the bundle's own packages is found.
"""

import importlib
import json
import os
import signal
import site
import socket
import sys
import threading
import time
import traceback
from http.client import responses
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import parse_qsl

HERE = Path(__file__).resolve().parent
HEAD = 1 << 20  # bytes of a request's head
BODY = 1 << 30  # bytes of a request's body
IDLE = 75.0  # seconds a connection may stay silent; longer than the watchdog keeps it


class BadRequest(Exception):
    """What came is no HTTP/1.1 that is understood."""

    def __init__(self, status: int, message: str) -> None:
        """Keep the answer."""
        super().__init__(message)
        self.status = status


class Headers(dict[str, str]):
    """Headers by their name as it was sent; found whatever their case."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        """Join what stands more than once."""
        super().__init__()
        self._names: dict[str, str] = {}
        for name, value in pairs:
            if name in self:
                super().__setitem__(self._names[name.lower()], f"{self[name]}, {value}")
            else:
                self._names[name.lower()] = name
                super().__setitem__(name, value)

    def __contains__(self, name: object) -> bool:
        """Tell whether a header is there."""
        return isinstance(name, str) and name.lower() in self._names

    def __getitem__(self, name: str) -> str:
        """Return a header, or raise KeyError."""
        return super().__getitem__(self._names[name.lower()])

    def get(self, name: str, default: Any = None) -> Any:
        """Return a header, or ``default``."""
        return self[name] if name.lower() in self._names else default


class Event:
    """The request as a handler sees it."""

    def __init__(self, method: str, target: str, headers: Headers, body: bytes) -> None:
        """Take the target apart."""
        path, _, query = target.partition("?")
        self.body = body
        self.headers = headers
        self.method = method
        self.query = dict(parse_qsl(query, keep_blank_values=True))
        self.path = path


class Stop(BaseException):
    """SIGTERM came: no more connections, what is being answered is finished."""


class Context:
    """Where a handler runs."""

    def __init__(self) -> None:
        """Read the host's name once."""
        self.hostname = os.environ.get("HOSTNAME", "localhost")


class Connection:
    """One connection: requests are read one after the other."""

    busy: set["Connection"] = set()  # noqa: RUF012 - shared on purpose
    crowded = False  # somebody waits for a thread: connections end with their answer

    def __init__(self, sock: socket.socket) -> None:
        """Begin with nothing read."""
        self.sock = sock
        self.buffer = bytearray()

    def serve(self, handle: Any) -> None:
        """Answer until the connection ends."""
        self.sock.settimeout(IDLE)
        try:
            while self.one(handle):
                pass
        except BadRequest as error:
            text = f"{error}\n".encode()
            self.refuse(error.status, text)
        except OSError:
            pass  # the caller went away, or said nothing for too long
        finally:
            self.busy.discard(self)
            self.sock.close()

    def refuse(self, status: int, text: bytes) -> None:
        """Answer and end; what still comes is read for a moment, or the answer would be lost."""
        try:
            self.answer(status, [("Content-Type", "text/plain")], text, last=True)
            self.sock.shutdown(socket.SHUT_WR)
            self.sock.settimeout(1)
            for _ in range(256):
                if not self.sock.recv(65536):
                    break
        except OSError:
            pass  # the caller is gone

    def one(self, handle: Any) -> bool:
        """Answer one request; return whether another may follow."""
        head = self.until(b"\r\n\r\n", HEAD)
        if head is None:
            return False
        self.busy.add(self)
        method, target, version, headers = parse_head(head)
        words = headers.get("Connection", "").lower()
        last = "close" in words or (version == "HTTP/1.0" and "keep-alive" not in words)
        if headers.get("Expect", "").lower() == "100-continue":
            self.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        event = Event(method, target, headers, self.body(headers))
        try:
            status, fields, body = response(handle(event, Context()))
        except Exception:  # noqa: BLE001 - the handler is the user's; its error is for the log
            traceback.print_exc()
            status, fields, body = 500, [("Content-Type", "text/plain")], b"Internal error\n"
        last = last or self.crowded
        self.answer(status, fields, body, last=last, head=method == "HEAD")
        self.busy.discard(self)
        return not last

    def until(self, mark: bytes, limit: int) -> bytes | None:
        """Return what comes before ``mark``, None when the connection ends before it begins."""
        at = self.buffer.find(mark)
        while at < 0:
            if len(self.buffer) > limit:
                raise BadRequest(431, "the head is too large")
            before = max(0, len(self.buffer) - len(mark))
            part = self.sock.recv(65536)
            if not part:
                return None
            self.buffer += part
            at = self.buffer.find(mark, before)
        found = bytes(self.buffer[:at])
        del self.buffer[: at + len(mark)]
        return found

    def exactly(self, size: int) -> bytes:
        """Return the next ``size`` bytes."""
        while len(self.buffer) < size:
            part = self.sock.recv(min(size - len(self.buffer) + 65536, 1 << 20))
            if not part:
                raise OSError("the connection ended within a body")
            self.buffer += part
        found = bytes(self.buffer[:size])
        del self.buffer[:size]
        return found

    def body(self, headers: Headers) -> bytes:
        """Return the request's body."""
        coding = headers.get("Transfer-Encoding", "").lower()
        length = headers.get("Content-Length")
        if coding:
            if coding != "chunked" or length is not None:
                raise BadRequest(400, "a body of two lengths or an unknown coding")
            return self.chunks()
        if length is None:
            return b""
        if not (length.isascii() and length.isdigit()):
            raise BadRequest(400, "Content-Length is no number")
        if int(length) > BODY:
            raise BadRequest(413, "the body is too large")
        return self.exactly(int(length))

    def chunks(self) -> bytes:
        """Return a chunked body; what follows it as trailers is dropped."""
        found = bytearray()
        while True:
            line = self.until(b"\r\n", 4096)
            try:
                size = int((line or b"").split(b";")[0], 16)
            except ValueError:
                raise BadRequest(400, "a chunk without its size") from None
            if size < 0 or len(found) + size > BODY:
                raise BadRequest(413, "the body is too large")
            if size == 0:
                break
            found += self.exactly(size)
            if self.exactly(2) != b"\r\n":
                raise BadRequest(400, "a chunk of another size")
        while self.until(b"\r\n", 65536):
            pass
        return bytes(found)

    def answer(
        self,
        status: int,
        fields: list[tuple[str, str]],
        body: bytes,
        *,
        last: bool = False,
        head: bool = False,
    ) -> None:
        """Write one answer; its length is always that of the body."""
        lines = [f"HTTP/1.1 {status} {responses.get(status, 'Unknown')}"]
        lines += [f"{name}: {value}" for name, value in fields]
        bare = status in (204, 304) or 100 <= status < 200
        if not bare:
            lines.append(f"Content-Length: {len(body)}")
        if last:
            lines.append("Connection: close")
        text = "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")
        self.sock.sendall(text if bare or head else text + body)


def parse_head(head: bytes) -> tuple[str, str, str, Headers]:
    """Return method, target, version and headers."""
    first, *lines = head.decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise BadRequest(400, "not a request line")
    pairs = []
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise BadRequest(400, "not a header")
        pairs.append((name, value.strip()))
    return words[0], words[1], words[2], Headers(pairs)


def response(result: Any) -> tuple[int, list[tuple[str, str]], bytes]:
    """Return status, headers and body of what a handler returned.

    None, text, bytes, a dict of statusCode, body and headers, or a tuple of body, status and
    headers; any other body is sent as JSON.
    """
    status: Any = 200
    headers: Any = {}
    body: Any = result
    if isinstance(result, tuple):
        body = result[0]
        status = result[1] if len(result) > 1 else 200
        headers = result[2] if len(result) > 2 else {}
    elif isinstance(result, dict) and ("statusCode" in result or "body" in result):
        body = result.get("body")
        status = result.get("statusCode", 200)
        headers = result.get("headers") or {}
    data, kind = encoded(body)
    fields = []
    for name, value in headers.items() if isinstance(headers, dict) else headers:
        several = value if isinstance(value, list | tuple) else [value]
        fields += [(clean(name), clean(one)) for one in several]
    own = ("content-length", "transfer-encoding", "connection")
    fields = [pair for pair in fields if pair[0].lower() not in own]
    if kind and not any(name.lower() == "content-type" for name, _ in fields):
        fields.append(("Content-Type", kind))
    return int(status), fields, data


def encoded(body: Any) -> tuple[bytes, str]:
    """Return a body's bytes and the type they have when the handler names none."""
    if body is None:
        return b"", ""
    if isinstance(body, str):
        return body.encode(), "text/plain; charset=utf-8"
    if isinstance(body, bytes | bytearray | memoryview):
        return bytes(body), "application/octet-stream"
    return json.dumps(body).encode(), "application/json"


def clean(text: Any) -> str:
    """Return a header's part; a line break in it would start another header."""
    if any(char in "\r\n\0" for char in str(text)):
        raise ValueError("a line break in a header")
    return str(text)


def load() -> ModuleType:
    """Return the handler's module; the function's own folder is found first."""
    site.addsitedir(str(HERE / "packages"))
    site.setquit()
    sys.path[:0] = [str(HERE), str(HERE / "function")]
    return importlib.import_module("function.handler")


def listen() -> socket.socket:
    """Return the socket that callers come to."""
    if path := os.environ.get("PUSHLINE_SOCKET"):
        Path(path).unlink(missing_ok=True)
        sock = socket.socket(socket.AF_UNIX)
        sock.bind(path)
    else:
        sock = socket.create_server(("0.0.0.0", 5000))  # noqa: S104 - within its container
    sock.listen(1024)
    return sock


def main() -> None:
    """Import the handler first: who can connect is answered."""
    handle = load().handle
    sock = listen()
    try:
        signal.signal(signal.SIGTERM, stop)
        while True:
            connection, _ = sock.accept()
            if connection.family == socket.AF_INET:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            begin(Connection(connection).serve, handle)
    except Stop:
        sock.close()
        while Connection.busy:
            time.sleep(0.01)
        os._exit(0)  # idle connections have threads that would wait on


def begin(serve: Any, handle: Any) -> None:
    """Serve a connection in a thread of its own; where there may be no more, wait for one."""
    while True:
        try:
            threading.Thread(target=serve, args=(handle,), daemon=True).start()
        except RuntimeError:
            Connection.crowded = True
            time.sleep(0.002)
        else:
            Connection.crowded = False
            return


def stop(*_: object) -> None:
    """Leave the loop that accepts; a second signal changes nothing."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Stop


if __name__ == "__main__":
    main()
