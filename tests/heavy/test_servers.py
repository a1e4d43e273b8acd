"""The heavy servers are real: one plain request to each."""

import hashlib
import http.client
import http.server
import json
import threading
from pathlib import Path

from tests.heavy.engines import Engine
from tests.heavy.servers import Browser

PAGE = b"""<!doctype html><title>before</title><p id=p></p>
<script>document.getElementById("p").textContent = 6 * 7; document.title = "after"</script>"""


SNAPSHOTTER = ["driver-type", "io.containerd.snapshotter.v1"]


def test_engine_answers(engine: Engine) -> None:
    """The engine is up, and of the form that can push images by itself."""
    status, body = engine.get("/info")

    assert status == 200
    assert SNAPSHOTTER in json.loads(body)["DriverStatus"]


def test_plain_engine_answers(plain_engine: Engine) -> None:
    """The other engine is up beside it, and of the form that cannot."""
    status, body = plain_engine.get("/info")

    assert status == 200
    assert SNAPSHOTTER not in json.loads(body)["DriverStatus"]


def test_registry_keeps_a_blob(registry: str) -> None:
    """A blob that was uploaded comes back byte for byte."""
    blob = b"pushline" * 1000
    digest = "sha256:" + hashlib.sha256(blob).hexdigest()
    connection = http.client.HTTPConnection(registry, timeout=10)

    def ask(method: str, path: str, body: bytes | None = None) -> tuple[int, str, bytes]:
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, answer.getheader("Location", ""), answer.read()

    assert ask("GET", "/v2/")[0] == 200
    status, upload, _ = ask("POST", "/v2/alice/hello/blobs/uploads/")
    assert status == 202
    assert ask("PUT", f"{upload}&digest={digest}", blob)[0] == 201

    assert ask("GET", f"/v2/alice/hello/blobs/{digest}")[::2] == (200, blob)


class OnePage(http.server.BaseHTTPRequestHandler):
    """Answers every GET with the page."""

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def test_browser_runs_a_page(browser: Browser, tmp_path: Path) -> None:
    """The browser loads a page from loopback, runs its script and takes its picture."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), OnePage) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/"

        dom = browser.dom(url)
        browser.screenshot(url, tmp_path / "page.png")

        server.shutdown()
    assert '<p id="p">42</p>' in dom
    assert "<title>after</title>" in dom
    assert (tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")
