"""A command line that waits for its person, against a server that answers as it is told to."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import pytest

from edge.auth.device_words import AUTHORIZATION, GRANT, TOKEN
from edge.cli.waiting import LoginFailed, wait_for_token

CODES = {
    "device_code": "d",
    "user_code": "BBBB-CCCC",
    "verification_uri": "https://system/device",
    "verification_uri_complete": "https://system/device?user_code=BBBB-CCCC",
    "expires_in": 600,
    "interval": 5,
}
GRANTED = {"access_token": "plt_x", "token_type": "Bearer", "expires_in": 60, "scope": "read"}


@dataclass
class Server:
    """What is answered next, and what was asked; an answer of 0 is a connection that breaks."""

    url: str = ""
    answers: list[tuple[int, Any]] = field(default_factory=list)
    asked: list[tuple[str, dict[str, list[str]]]] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Server]:
    """Yield a server on a port of its choice."""
    told = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            told.asked.append((self.path, parse_qs(body)))
            status, said = told.answers.pop(0)
            if not status:
                self.close_connection = True
                return
            text = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        told.url = f"http://127.0.0.1:{http.server_port}"
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        yield told
        http.shutdown()
        thread.join()


def error(word: str) -> tuple[int, Any]:
    """Return OAuth's way to say no."""
    return 400, {"error": word, "error_description": f"{word}, in words"}


def test_it_asks_until_it_is_let_in(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """Slower when told so; an outage and a broken answer in between are waited out."""
    server.answers = [
        (200, CODES),
        error("authorization_pending"),
        error("slow_down"),
        (0, None),
        (503, "not even OAuth"),
        error("authorization_pending"),
        (200, GRANTED),
    ]
    slept: list[float] = []

    got = wait_for_token(server.url, {"name": "ci", "scope": "read"}, sleep=slept.append)

    assert got.access_token == "plt_x"
    assert slept == [5, 5, 10, 10, 10, 10]
    (path, begun), *polls = server.asked
    assert (path, begun["name"], begun["scope"]) == (AUTHORIZATION, ["ci"], ["read"])
    assert {path for path, _ in polls} == {TOKEN}
    assert polls[0][1]["device_code"] == ["d"]
    assert polls[0][1]["grant_type"] == [GRANT]
    told = capsys.readouterr()
    assert told.out == ""
    assert "user_code=BBBB-CCCC" in told.err


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (error("access_denied"), "refused in the browser"),
        (error("expired_token"), "expired_token, in words"),
        (error("invalid_grant"), "invalid_grant, in words"),
        ((200, {"no": "token"}), "it answered 200"),
    ],
)
def test_it_ends_with_what_it_was_told(server: Server, answer: tuple[int, Any], says: str) -> None:
    """And asks no further."""
    server.answers = [(200, CODES), answer]
    with pytest.raises(LoginFailed, match=says):
        wait_for_token(server.url, {"name": "ci"}, sleep=lambda _: None)
    assert len(server.asked) == 2


def test_codes_that_run_out_end_it(server: Server) -> None:
    """Without a question more."""
    server.answers = [(200, {**CODES, "expires_in": 0})]
    with pytest.raises(LoginFailed, match="nobody answered in time"):
        wait_for_token(server.url, {"name": "ci"}, sleep=lambda _: None)


def test_what_is_no_pushline_says_so(server: Server) -> None:
    """At once."""
    server.answers = [(404, "<html>")]
    with pytest.raises(LoginFailed, match="it answered 404"):
        wait_for_token(server.url, {"name": "ci"}, sleep=lambda _: None)
