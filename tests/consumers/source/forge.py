"""A forge on loopback: real repositories, handed out by git's own http-backend."""

import base64
import os
import subprocess
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

AUTHOR: Final = {
    "GIT_AUTHOR_NAME": "a",
    "GIT_AUTHOR_EMAIL": "a@example.com",
    "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@example.com",
    "GIT_AUTHOR_DATE": "2024-01-01T00:00:00Z",
    "GIT_COMMITTER_DATE": "2024-01-01T00:00:00Z",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    "HOME": "/nowhere",
    "PATH": os.environ["PATH"],
}
HEAD: Final = "version: 1.0\nprovider: {name: openfaas}\nfunctions:\n"
STACK: Final = HEAD + "  hello: {lang: python3-http, handler: ./hello}\n"
HANDLER: Final = "def handle(event, context):\n    return 'hi'\n"


def git(folder: Path, *words: str) -> str:
    """Return what git prints."""
    done = subprocess.run(
        ["git", *words], cwd=folder, env=AUTHOR, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


class Forge:
    """Serves every repository below ``root`` as ``/<name>``; the knobs are for what goes wrong."""

    def __init__(self, root: Path) -> None:
        """Listen on a free port."""
        self.root = root
        self.password = ""
        self.status = 0  # answered in place of the truth
        self.location = ""
        self.content_type = ""
        self.cut = 0  # bytes of a pack that are sent, 0 for all
        self.requests: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.hold = threading.Event()
        self.hold.set()
        backend = subprocess.check_output(["git", "--exec-path"], text=True).strip()
        self.backend = f"{backend}/git-http-backend"
        forge = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                forge.answer(self)

            def do_POST(self) -> None:
                forge.answer(self)

            def log_message(self, *_: object) -> None:
                """Stay silent."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def close(self) -> None:
        """Stop listening."""
        self.hold.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    @property
    def url(self) -> str:
        """Return the address of the one repository."""
        return f"http://127.0.0.1:{self.server.server_port}/repo"

    @property
    def work(self) -> Path:
        """Return the one repository's folder."""
        return self.root / "repo"

    def commit(self, files: Mapping[str, str | bytes], *, message: str = "change") -> str:
        """Write files, commit all there is on main, return the commit's id."""
        if not self.work.exists():
            self.work.mkdir(parents=True)
            git(self.work, "init", "-q", "-b", "main")
        for name, body in files.items():
            path = self.work / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body.encode() if isinstance(body, str) else body)
        git(self.work, "add", "-A")
        git(self.work, "commit", "-q", "--allow-empty", "-m", message)
        return git(self.work, "rev-parse", "HEAD")

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Answer one request as told."""
        self.requests.append(f"{request.command} {request.path}")
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        self.hold.wait(30)
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        expected = base64.b64encode(f"pushline:{self.password}".encode()).decode()
        if self.status:
            request.send_response(self.status)
            if self.location:
                request.send_header("Location", self.location)
            request.end_headers()
        elif self.password and request.headers.get("Authorization") != f"Basic {expected}":
            request.send_response(401)
            request.end_headers()
        else:
            self.relay(request, body)

    def relay(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        """Let git answer (CGI, RFC 3875)."""
        path, _, query = request.path.partition("?")
        repository, _, service = path.removeprefix("/repo").partition("/")
        environment = AUTHOR | {
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": f"/repo/.git{repository}/{service}",
            "QUERY_STRING": query,
            "REQUEST_METHOD": request.command,
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
        }
        said = subprocess.run(
            [self.backend], input=body, env=environment, capture_output=True, check=False
        ).stdout
        head, _, rest = said.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        request.send_response(int(fields.pop("Status", "200").split()[0]))
        if self.content_type:
            fields["Content-Type"] = self.content_type
        for name, value in fields.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(rest[: self.cut] if self.cut and request.command == "POST" else rest)
