"""A function for tests, as a template of ours would run it: HTTP/1.1 on $PUSHLINE_SOCKET.

The path says what it is to do, nice things and nasty ones. Not a test, and run with nothing but
the standard library.
"""

# ruff: noqa: N815, T201
import json
import os
import pathlib
import signal
import socket
import socketserver
import subprocess
import sys
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, urlsplit


def tried(action: Callable[[], Any]) -> Any:
    """Return what an action gave, or the name of its error."""
    try:
        return action()
    except BaseException as error:  # noqa: BLE001
        return type(error).__name__


def listening(port: str) -> str:
    """Connect to a local port and return its first words."""
    with socket.create_connection(("127.0.0.1", int(port)), 2) as connection:
        connection.sendall(b"PUB ev.x 2\r\nhi\r\nPING\r\n")
        time.sleep(0.2)
        return connection.recv(65536).decode()


def fill(path: str) -> int:
    """Write until it fails; return the bytes written."""
    written = 0
    with pathlib.Path(path).open("wb", buffering=0) as file:
        try:
            while written < 1 << 30:
                written += file.write(b"x" * (1 << 20))
        except OSError:
            return written
    return written


def fork_without_end() -> int:
    """Start processes until it fails; return how many."""
    started: list[Any] = []
    try:
        while len(started) < 5000:
            started.append(subprocess.Popen(["sleep", "60"]))
    except OSError:
        pass
    return len(started)


def abandon() -> str:
    """Leave a process behind that is in nobody's group or session."""
    program = "sleep 4242 & echo $!"
    return subprocess.check_output(
        ["setsid", "sh", "-c", program.replace("&", ">/dev/null 2>&1 &")], text=True
    ).strip()


def kill_everybody() -> None:
    """Signal whoever may be signalled."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.kill(-1, signal.SIGTERM)


def walk(path: str) -> list[str]:
    """Return the names of a folder."""
    return sorted(entry.name for entry in pathlib.Path(path).iterdir())


ACTIONS: dict[str, Callable[[dict[str, str]], Any]] = {
    "/env": lambda _: dict(os.environ),
    "/who": lambda _: {"uid": os.getuid(), "pid": os.getpid(), "folder": str(pathlib.Path.cwd())},
    "/read": lambda query: pathlib.Path(query["path"]).read_text(),
    "/list": lambda query: walk(query["path"]),
    "/write": lambda query: pathlib.Path(query["path"]).write_text("x"),
    "/connect": lambda query: listening(query["port"]),
    "/unix": lambda query: socket.socket(socket.AF_UNIX).connect(query["path"]),
    "/fill": lambda query: fill(query["path"]),
    "/fork": lambda _: fork_without_end(),
    "/abandon": lambda _: abandon(),
    "/kill": lambda _: kill_everybody(),
    "/memory": lambda query: len(bytearray(os.urandom(1 << 20)) * int(query["mib"])),
    "/descriptors": lambda _: walk("/proc/self/fd"),
    "/print": lambda query: print("line " * int(query["times"]), flush=True),
    "/flood": lambda query: sys.stdout.write("flood\n" * int(query["times"])),
    "/processes": lambda _: [name for name in walk("/proc") if name.isdigit()],
    "/exit": lambda query: os._exit(int(query.get("code", 3))),
}


class Handler(BaseHTTPRequestHandler):
    """Does what the path says."""

    protocol_version = "HTTP/1.1"

    def address_string(self) -> str:
        """Name the caller; a Unix socket's peers have no address."""
        return "caller"

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing per request."""

    def answer(self, body: bytes, kind: str = "application/json") -> None:
        """Send a whole answer."""
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def body(self) -> bytes:
        """Read the request's body, chunked or not."""
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        found = b""
        while size := int(self.rfile.readline(), 16):
            found += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return found

    def do_GET(self) -> None:
        """Answer any method."""
        url = urlsplit(self.path)
        query = dict(parse_qsl(url.query))
        body = self.body()
        if url.path == "/echo":
            self.answer(body, kind="application/octet-stream")
        elif url.path == "/slow":
            time.sleep(float(query["s"]))
            self.answer(b"slow")
        elif url.path == "/headers":
            self.answer(json.dumps(self.headers.items()).encode())
        elif url.path == "/stream":
            self.stream(int(query["pieces"]))
        elif url.path == "/until-close":
            self.close_connection = True
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\nno length")
        elif url.path == "/garbage":
            self.wfile.write(b"what is this\r\n\r\n")
        elif url.path in ACTIONS:
            found = tried(lambda: ACTIONS[url.path](query))
            self.answer(json.dumps(found).encode())
        else:
            self.answer(os.environ.get("ANSWER", "hello").encode(), kind="text/plain")

    def stream(self, pieces: int) -> None:
        """Send events, one by one."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for number in range(pieces):
            piece = f"data: {number}\n\n".encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            time.sleep(0.2)
        self.wfile.write(b"0\r\n\r\n")

    do_POST = do_PUT = do_DELETE = do_HEAD = do_OPTIONS = do_GET


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """A thread per connection."""

    daemon_threads = True
    request_queue_size = 128


if __name__ == "__main__":
    print("starting", flush=True)
    time.sleep(float(os.environ.get("START_SECONDS", "0")))
    if os.environ.get("CRASH"):
        sys.exit("this function does not want to live")
    with Server(os.environ["PUSHLINE_SOCKET"], Handler) as server:
        print("listening", flush=True)
        server.serve_forever()
