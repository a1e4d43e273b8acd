"""An npm registry on loopback with one package, whose install script would leave a trace."""

import base64
import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self


class Registry:
    """Hands out ``greeting@1.0.0``; its postinstall script makes the file ``trap``."""

    def __init__(self, trap: Path) -> None:
        """Listen on a free port."""
        manifest = {
            "name": "greeting",
            "version": "1.0.0",
            "main": "index.js",
            "scripts": {"postinstall": f"touch {trap}"},
        }
        body = io.BytesIO()
        files = {"package.json": json.dumps(manifest), "index.js": "module.exports = 'hi';\n"}
        with tarfile.open(fileobj=body, mode="w:gz") as tar:
            for name, text in files.items():
                entry = tarfile.TarInfo(f"package/{name}")
                entry.size = len(text)
                tar.addfile(entry, io.BytesIO(text.encode()))
        self.tarball = body.getvalue()
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                registry.answer(self, manifest)

            def log_message(self, *_: object) -> None:
                """Stay silent."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))

    def answer(self, request: BaseHTTPRequestHandler, manifest: Mapping[str, object]) -> None:
        """Answer with the package's document or its tarball."""
        digest = base64.b64encode(hashlib.sha512(self.tarball).digest()).decode()
        dist = {"tarball": f"{self.url}greeting.tgz", "integrity": f"sha512-{digest}"}
        document = {
            "name": "greeting",
            "dist-tags": {"latest": "1.0.0"},
            "versions": {"1.0.0": {**manifest, "dist": dist}},
        }
        known = {"/greeting": json.dumps(document).encode(), "/greeting.tgz": self.tarball}
        body = known.get(request.path)
        request.send_response(200 if body else 404)
        request.send_header("Content-Length", str(len(body or b"")))
        request.end_headers()
        request.wfile.write(body or b"")

    def __enter__(self) -> Self:
        """Begin to answer."""
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop listening."""
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
