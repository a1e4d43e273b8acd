"""Each template of ours, built into a bundle and really run, without a container."""

import json
import shutil
import signal
import threading
from pathlib import Path

import pytest

from schemas import stack_template
from schemas.stack import LANGUAGES
from tests.consumers.builder.made import Workshop, archive, spec
from tests.consumers.builder.running import Running, answer, forked, request

ECHO = """\
import json, sys, time
def handle(event, context):
    print("called", event.path)
    if event.path == "/fail":
        raise ValueError("a secret of the function")
    if event.path == "/slow":
        time.sleep(0.5)
        return None
    if event.path == "/none":
        return None
    if event.path == "/text":
        return "text"
    if event.path == "/bytes":
        return b"\\x00\\xff"
    if event.path == "/dict":
        headers = {"X-One": "1", "Set-Cookie": ["a", "b"]}
        return {"statusCode": 201, "body": {"a": 1}, "headers": headers}
    if event.path == "/tuple":
        return "made", 202, {"X-One": "1"}
    if event.path == "/pair":
        return "gone", 410
    if event.path == "/split":
        return {"headers": {"X": "a\\r\\nInjected: 1"}, "body": ""}
    if event.path == "/length":
        return {"headers": {"Content-Length": "1000", "Transfer-Encoding": "chunked"}, "body": "x"}
    if event.path == "/modules":
        return {"body": [m for m in ("pip", "nats", "msgspec", "consumers") if found(m)]}
    return {"body": {"method": event.method, "query": event.query, "body": event.body.decode(),
                     "agent": event.headers.get("user-agent"), "same": event.headers["USER-AGENT"],
                     "host": context.hostname}}
def found(name):
    import importlib.util
    return importlib.util.find_spec(name) is not None
"""
NODE = """\
"use strict";
module.exports = async (event, context) => {
  if (event.path === "/fail") throw new Error("a secret of the function");
  if (event.path === "/said") return context.status(409).fail("already there");
  if (event.path === "/plain") return { plain: true };
  if (event.path === "/nothing") return context.succeed();
  if (event.path === "/bytes") return context.succeed(Buffer.from([0, 255]));
  if (event.path === "/headers") {
    return context.status(201).headers({ "X-One": "1", "content-length": "999" }).succeed("x");
  }
  return context.status(200).succeed({
    method: event.method, query: event.query, body: event.body, agent: event.headers["user-agent"],
  });
};
"""


async def python(workshop: Workshop, tmp_path: Path, handler: str = ECHO) -> Running:
    """Start a bundle of python3-http."""
    folder = await workshop.bundle(spec(), archive("python3-http", {"handler.py": handler}))
    return Running(folder, tmp_path / "p.log")


async def node(workshop: Workshop, tmp_path: Path, files: dict[str, str | bytes]) -> Running:
    """Start a bundle of node-http; needs node."""
    if shutil.which("node") is None:
        pytest.skip("node is not there: install Node.js to run these")
    folder = await workshop.bundle(spec("node-http"), archive("node-http", files))
    return Running(folder, tmp_path / "n.log")


def test_every_language_has_its_template() -> None:
    """What the stack's reader takes is what there is, and all of it can be built later."""
    from consumers.source.archive import TEMPLATES, Templates

    assert Templates().languages == LANGUAGES
    for language in set(LANGUAGES) - {"dockerfile"}:
        dockerfile = (TEMPLATES / language / "Dockerfile").read_text()
        assert "ARG BASE=" in dockerfile
        assert "ARG WATCHDOG=" in dockerfile
        template = stack_template.parse((TEMPLATES / language / "template.yml").read_bytes())
        assert template.bundle


async def test_python_answers_over_its_socket(workshop: Workshop, tmp_path: Path) -> None:
    """The handler sees method, query, headers in any case, and body."""
    with await python(workshop, tmp_path) as running:
        found = running.get("/x?a=1&b=", "POST", b"hello", User_Agent="me")

    said = json.loads(found.body)
    assert said.pop("host")
    assert said == {
        "method": "POST",
        "query": {"a": "1", "b": ""},
        "body": "hello",
        "agent": "me",
        "same": "me",
    }
    assert found.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("path", "status", "body", "kind"),
    [
        ("/none", 200, b"", None),
        ("/text", 200, b"text", "text/plain; charset=utf-8"),
        ("/bytes", 200, b"\x00\xff", "application/octet-stream"),
        ("/tuple", 202, b"made", "text/plain; charset=utf-8"),
        ("/pair", 410, b"gone", "text/plain; charset=utf-8"),
        ("/dict", 201, b'{"a": 1}', "application/json"),
        ("/length", 200, b"x", "text/plain; charset=utf-8"),
        ("/split", 500, b"Internal error\n", "text/plain"),
    ],
)
async def test_python_takes_what_handlers_return(
    workshop: Workshop, tmp_path: Path, path: str, status: int, *, body: bytes, kind: str | None
) -> None:
    """None, text, bytes, dict and tuple; the length is always the body's own."""
    with await python(workshop, tmp_path) as running:
        found = running.get(path)

    assert (found.status, found.body, found.headers.get("content-type")) == (status, body, kind)
    assert found.headers["content-length"] == str(len(body))
    assert "injected" not in found.headers


async def test_python_keeps_its_errors_in_the_log(workshop: Workshop, tmp_path: Path) -> None:
    """A handler that raises is a 500 without its trace, and the function lives on."""
    with await python(workshop, tmp_path) as running:
        found = running.get("/fail")
        after = running.get("/text")

    assert (found.status, found.body, after.status) == (500, b"Internal error\n", 200)
    assert "ValueError: a secret of the function" in running.log.read_text()
    assert "called /fail" in running.log.read_text()


async def test_python_reads_chunks_and_keeps_connections(
    workshop: Workshop, tmp_path: Path
) -> None:
    """Chunked bodies with extensions and trailers, two requests at once in one connection."""
    chunked = (
        b"POST / HTTP/1.1\r\nHost: x\r\nUser-Agent: me\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n"
    )
    with await python(workshop, tmp_path) as running, running.connect() as connection:
        connection.sendall(chunked + request("/text"))
        first, second = answer(connection), answer(connection)
        connection.sendall(request("/none", "HEAD"))
        third = answer(connection, head=True)

    assert json.loads(first.body)["body"] == "abc0123456789"
    assert (second.body, third.status) == (b"text", 200)


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n folded: x\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n", 400),
        (b"GET / HTTP/1.1\r\nX: " + b"y" * (2 << 20), 431),
    ],
)
async def test_python_refuses_what_is_no_request(
    workshop: Workshop, tmp_path: Path, raw: bytes, status: int
) -> None:
    """Nonsense ends its own connection, with a reason."""
    with await python(workshop, tmp_path) as running:
        found = running.send(raw)

    assert (found.status, found.headers["connection"]) == (status, "close")


async def test_python_serves_many_at_once(workshop: Workshop, tmp_path: Path) -> None:
    """Slow calls do not wait for each other."""
    with await python(workshop, tmp_path) as running:
        found: list[int] = []
        calls = [
            threading.Thread(target=lambda: found.append(running.get("/slow").status))
            for _ in range(20)
        ]
        for call in calls:
            call.start()
        for call in calls:
            call.join()

    assert found == [200] * 20


async def test_python_finds_nothing_of_ours(workshop: Workshop, tmp_path: Path) -> None:
    """The interpreter may be the platform's: its packages are not to be seen."""
    with await python(workshop, tmp_path) as running:
        found = running.get("/modules")

    assert json.loads(found.body) == []


async def test_python_finishes_what_it_answers(workshop: Workshop, tmp_path: Path) -> None:
    """SIGTERM in the middle of a call: it is answered, then the process ends with 0."""
    with await python(workshop, tmp_path) as running, running.connect() as connection:
        connection.sendall(request("/slow"))
        while "called /slow" not in running.log.read_text():
            assert running.process.poll() is None
        running.process.send_signal(signal.SIGTERM)

        found = answer(connection)
        code = running.process.wait(20)

    assert (found.status, code) == (200, 0)


async def test_a_handler_imports_its_neighbours(workshop: Workshop, tmp_path: Path) -> None:
    """Both ways that OpenFaaS's users write: absolute by the folder, and relative."""
    handler = (
        "from function.one import A\nfrom .two import B\nimport one\n"
        "def handle(event, context):\n    return A + B + one.A\n"
    )
    files: dict[str, str | bytes] = {
        "handler.py": handler,
        "one.py": "A = 'a'\n",
        "two.py": "B = 'b'\n",
    }
    folder = await workshop.bundle(spec(), archive("python3-http", files))

    with Running(folder, tmp_path / "p.log") as running:
        assert running.get().body == b"aba"


async def test_classic_python_reads_and_prints(workshop: Workshop) -> None:
    """One process per call: standard input is the request, what is returned the answer."""
    handler = "import os\ndef handle(req):\n    return req.upper() + os.environ['Http_Method']\n"
    folder = await workshop.bundle(spec("python3"), archive("python3", {"handler.py": handler}))

    done = forked(folder, "grüße ".encode(), Http_Method="POST")

    assert (done.returncode, done.stdout.decode()) == (0, "GRÜSSE POST")


async def test_classic_python_fails_by_its_exit_code(workshop: Workshop) -> None:
    """A handler that raises is a failure, with its trace on standard error."""
    handler = "def handle(req):\n    raise ValueError('no')\n"
    folder = await workshop.bundle(spec("python3"), archive("python3", {"handler.py": handler}))

    done = forked(folder, b"")

    assert done.returncode == 1
    assert done.stdout == b""
    assert b"ValueError: no" in done.stderr


async def test_exec_runs_any_program(workshop: Workshop) -> None:
    """What fprocess names starts in the handler's folder, the request on its input."""
    made = spec("exec", fprocess="./run.sh one")
    script = "#!/bin/sh\nread line\necho $1 $line $Http_Method; cat data; exit 3\n"
    tar = archive("exec", {"run.sh": script, "data": "of mine"}, ("run.sh",))

    done = forked(await workshop.bundle(made, tar), b"hello\n", Http_Method="PUT")

    assert (done.returncode, done.stdout) == (3, b"one hello PUT\nof mine")


async def test_static_names_the_folder_to_serve(workshop: Workshop) -> None:
    """The watchdog serves the files; no process is needed."""
    from schemas import bundle

    folder = await workshop.bundle(spec("static"), archive("static", {"index.html": "<h1>"}))

    found = bundle.parse((folder / bundle.FILE).read_bytes())
    assert (found.mode, found.command) == ("static", ())
    assert (folder / found.static_path / "index.html").read_text() == "<h1>"


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        ("/headers", 201, b"x"),
        ("/plain", 200, b'{"plain":true}'),
        ("/nothing", 200, b""),
        ("/bytes", 200, b"\x00\xff"),
        ("/said", 409, b"already there\n"),
        ("/fail", 500, b"Internal error\n"),
    ],
)
async def test_node_takes_what_handlers_return(
    workshop: Workshop, tmp_path: Path, path: str, status: int, body: bytes
) -> None:
    """context.status(…).succeed(…), fail, and what an async handler returns or throws."""
    with await node(workshop, tmp_path, {"handler.js": NODE}) as running:
        found = running.get(path)

    assert (found.status, found.body) == (status, body)
    assert found.headers["content-length"] == str(len(body))
    assert ("a secret of the function" in running.log.read_text()) == (path == "/fail")


async def test_node_sees_the_request(workshop: Workshop, tmp_path: Path) -> None:
    """Method, query, headers, and a body decoded by its type."""
    with await node(workshop, tmp_path, {"handler.js": NODE}) as running:
        sent = running.get(
            "/?a=1", "PUT", b'{"x": 1}', User_Agent="me", Content_Type="application/json"
        )
        text = running.get("/", "POST", b"text", User_Agent="me")

    assert json.loads(sent.body) == {
        "method": "PUT", "query": {"a": "1"}, "body": {"x": 1}, "agent": "me",
    }  # fmt: skip
    assert json.loads(text.body)["body"] == "text"


async def test_node_answers_by_callback_too(workshop: Workshop, tmp_path: Path) -> None:
    """A handler of three arguments is node's older way."""
    handler = "module.exports = (event, context, done) => setTimeout(() => done(null, 'late'), 20);"
    with await node(workshop, tmp_path, {"handler.js": handler}) as running:
        assert running.get().body == b"late"
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(20) == 0
