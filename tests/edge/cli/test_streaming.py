"""Server-sent events as commands read them: each once, over everything that happens to a server."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgspec
import pytest

from edge.api.shapes import Page
from edge.cli import streaming
from edge.cli.client import Api, ApiRefused
from edge.cli.contexts import Context
from edge.cli.home import NotRunning
from edge.cli.streaming import newest, streamed


class Item(msgspec.Struct):
    """What a stream carries."""

    seq: int


class Script:
    """What a server answers, one after the other, and where it was asked to go on."""

    def __init__(self, *answers: tuple[int, str]) -> None:
        """Answer each with a status and a body; then break the connection."""
        self.answers = list(answers)
        self.asked: list[str] = []
        self.url = ""

    def api(self) -> Api:
        """Return a client of it."""
        return Api(Context(url=self.url, token="t"))  # made up


@contextmanager
def played(script: Script) -> Iterator[Script]:
    """Serve a script on loopback."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"  # the answer ends with the connection

        def do_GET(self) -> None:
            script.asked.append(self.path)
            if script.answers:
                status, body = script.answers.pop(0)
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body.encode())

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    script.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield script
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def sent(*seqs: int) -> str:
    """Return events as they are sent."""
    return "".join(f'id: {seq}\ndata: {{"seq":{seq}}}\n\n' for seq in seqs)


END = 'event: end\ndata: {"reason":"until"}\n\n'


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "PAUSES", (0.01, 0.02))


def test_a_broken_stream_goes_on_behind_what_came_last() -> None:
    """Half an event is not one; a sign of life moves the place; a busy server is asked again."""
    script = Script(
        (200, ": alive\nid: 0\n\n" + sent(1, 2) + 'id: 3\ndata: {"se'),
        (503, '{"code":"log_unavailable","detail":"away"}'),
        (200, sent(3) + ": alive\nid: 7\n\n"),
        (200, 'event: end\ndata: {"reason":"restart"}\n\n'),
        (200, sent(8) + END),
    )
    with played(script):
        found = list(streamed(script.api(), "/tail", Item, None, kind="run.*"))

    assert [item.seq for item in found] == [1, 2, 3, 8]
    places = [path.partition("after=")[2].partition("&")[0] for path in script.asked]
    assert places == ["", "2", "2", "7", "7"]
    assert all("kind=run.%2A" in path for path in script.asked)


def test_it_is_said_once_that_a_stream_broke(capsys: pytest.CaptureFixture[str]) -> None:
    """On standard error: standard output is what was asked for."""
    script = Script((200, sent(1)), (500, ""), (502, ""), (200, sent(2) + END))
    with played(script):
        list(streamed(script.api(), "/tail", Item, 0))

    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "the stream broke off, and goes on behind 1 by itself\n"


def test_who_may_no_longer_read_is_told() -> None:
    """A token that was revoked while a stream went on: an error, no endless attempt."""
    end = 'event: end\ndata: {"reason":"rights"}\n\n'
    script = Script((200, sent(1) + end), (401, '{"code":"token_missing","detail":"sign in"}'))
    with played(script), pytest.raises(ApiRefused, match="sign in"):
        list(streamed(script.api(), "/tail", Item, 0))


def test_nobody_there_is_an_error_at_once() -> None:
    """Only what was there once is waited for."""
    script = Script()
    with played(script):
        pass
    with pytest.raises(NotRunning):
        list(streamed(script.api(), "/tail", Item, 0))


def test_the_newest_come_page_by_page_in_order() -> None:
    """So many as are wanted, the oldest first."""

    def page(cursor: str, *seqs: int) -> tuple[int, str]:
        items = [Item(seq) for seq in seqs]
        return 200, msgspec.json.encode(Page(items=items, seq=9, cursor=cursor)).decode()

    script = Script(page("7", 9, 8), page("", 6, 5))
    with played(script):
        found = newest(script.api(), "/events", Page[Item], None)

    assert [item.seq for item in found] == [5, 6, 8, 9]
    assert "cursor=7" in script.asked[1]
