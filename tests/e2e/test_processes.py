"""One process per consumer, against a log's server that runs deploy/nats.conf."""

import asyncio
import http.client
import os
import re
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.apart import TOKEN, Apart, apart, free_port
from tests.laptop import PATIENCE, repository, saying
from tests.watch import told

FILES = {"hello/handler.py": saying("hi")}


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Apart]:
    """Yield an installation whose log is made, and of which nothing else runs."""
    with apart(tmp_path) as found:
        done = found.run("init", "init")
        assert done.returncode == 0, done.stderr
        yield found


@pytest.fixture(scope="module")
def nobody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apart]:
    """Yield an installation whose log is made, and of which nothing ever works."""
    with apart(tmp_path_factory.mktemp("nobody")) as found:
        assert found.run("init", "init").returncode == 0
        yield found


def get(there: Apart, path: str, port: int = 0) -> tuple[int, bytes]:
    """Ask the router, or another port, with the token."""
    connection = http.client.HTTPConnection("127.0.0.1", port or there.port, timeout=PATIENCE)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {TOKEN}"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    except OSError as error:
        return 0, str(error).encode()
    finally:
        connection.close()


def serve(there: Apart) -> None:
    """Start edge and router, and wait until the one answers through the other."""
    there.start("edge", "edge")
    there.start("router", "router", role="router")
    there.wait(lambda: get(there, "/healthz") == (200, b"ok\n"), "the edge answers")


def until(there: Apart, fact: str) -> None:
    """Wait until the log has this fact, read as operators may."""
    asyncio.run(told(there.server.settings("operator", there.folder / "homes" / "test"), fact))


def audit(there: Apart) -> str:
    """Return the newest records, which lie in the home of that process."""
    return there.run("operator", "audit", "tail", home="audit").stdout


@pytest.mark.timeout(240)
def test_a_push_passes_from_process_to_process(there: Apart, tmp_path: Path) -> None:
    """Each role is a process of its own: the push is received, translated, planned and packed."""
    serve(there)
    for name in ("intake", "planner", "source", "audit"):
        there.consume(name)

    with there.pushing(repository(tmp_path / "work", FILES)) as git:
        until(there, "run.archived")
        git.terminate()

    assert Counter(there.tags()) >= Counter(
        ["delivery.translated", "branch.pushed", "run.queued", "run.resolved", "run.archived"]
    )
    assert list((tmp_path / "blobs").rglob("*/*"))
    listed = there.run("operator", "run", "ls", "--json")
    assert "alice/hello" in listed.stdout, listed.stderr
    there.wait(lambda: "run.archived" in audit(there), "it is audited")
    assert {name: there.stop(name) for name in list(there.started)} == dict.fromkeys(
        ("edge", "router", "intake", "planner", "source", "audit"), 0
    )


@pytest.mark.timeout(240)
def test_a_consumer_killed_in_the_middle_goes_on(there: Apart, tmp_path: Path) -> None:
    """`kill -9` of the source while it holds a run: the next one packs it, once."""
    serve(there)
    there.consume("intake", "planner")
    there.consume("source")
    there.wait(lambda: "process_started" in there.said("source"), "the source has started")

    os.kill(there.started["source"].pid, signal.SIGSTOP)  # what it is given, it has and keeps
    with there.pushing(repository(tmp_path / "work", FILES)) as git:
        until(there, "run.queued")
        there.kill("source")
        assert "run.archived" not in there.tags()
        there.consume("source")
        until(there, "run.archived")
        git.terminate()

    assert there.tags().count("run.resolved") == 1
    assert there.stop("source") == there.stop("intake+planner") == 0


@pytest.mark.timeout(240)
def test_a_consumer_says_how_it_is(there: Apart) -> None:
    """Well with a log, ill without one, well again; metrics name the folds it decides by."""
    port = free_port()
    there.consume("planner", PUSHLINE_METRICS_LISTEN=f"127.0.0.1:{port}")
    there.wait(lambda: get(there, "/healthz", port) == (200, b"ok\n"), "it is well")

    assert b'pushline_fold_sequence{fold="planner-projects"}' in get(there, "/metrics", port)[1]
    assert get(there, "/", port)[0] == 404
    os.kill(there.server.process.pid, signal.SIGSTOP)
    there.wait(lambda: get(there, "/healthz", port)[0] == 503, "it is ill")
    os.kill(there.server.process.pid, signal.SIGCONT)
    there.wait(lambda: get(there, "/healthz", port) == (200, b"ok\n"), "it is well again")
    assert there.stop("planner") == 0


def test_a_consumer_waits_for_its_log(nobody: Apart) -> None:
    """Started before the log's server, a process waits, and still ends when it is told to."""
    nobody.consume("audit", PUSHLINE_NATS_URL=f"nats://127.0.0.1:{free_port()}")

    nobody.wait(lambda: "log_awaited" in nobody.said("audit"), "it waits")

    assert nobody.stop("audit") == 0


def test_init_twice_changes_nothing(nobody: Apart) -> None:
    """A new release runs it again; the operator is told what there is."""
    done = nobody.run("init", "init")

    assert done.returncode == 0, done.stderr
    assert "up to date: EVENTS, DELIVERIES, LOGS, USAGE, DEADLETTERS" in done.stdout


REFUSED = {
    "no log": ("consumer planner", {"PUSHLINE_NATS_URL": ""}, "PUSHLINE_NATS_URL is not set"),
    "no such": ("consumer planer", {}, "there is no consumer planer"),
    "none": ("consumer", {}, "name at least one"),
    "bundle": ("consumer builder", {"PUSHLINE_BUILDER": "bundle"}, "PUSHLINE_BUILDER=buildkit"),
    "local": ("consumer deployer", {"PUSHLINE_PLATFORM": "local"}, "PUSHLINE_PLATFORM=openfaas"),
    "blobs": ("consumer source", {"PUSHLINE_BLOBS_FOLDER": ""}, "PUSHLINE_BLOBS=s3"),
    "no token": ("edge", {"PUSHLINE_TOKEN": ""}, "PUSHLINE_TOKEN"),
    "password": ("consumer planner", {"PUSHLINE_NATS_USER": "router"}, "user router"),
    "remote": ("edge", {"PUSHLINE_EDGE_LISTEN": "0.0.0.0:0"}, "PUSHLINE_ALLOW_REMOTE"),
    "public": ("router", {"PUSHLINE_PUBLIC_URL": "https://x.org"}, "PUSHLINE_PUBLIC_URL"),
    "up": ("up", {}, "`up` starts its own"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_work_is_refused_with_its_cure(nobody: Apart, case: str) -> None:
    """Exit code 78, which says that starting it again does not help; no secret is printed."""
    arguments, settings, expected = REFUSED[case]

    done = nobody.run("platform", *arguments.split(), **settings)

    assert done.returncode == (1 if case == "up" else 78), done.stderr
    assert expected in done.stderr
    assert re.search(r"error: .+\n  .+", done.stderr)
    assert nobody.server.password("platform") not in done.stderr


def test_before_init_nothing_starts(tmp_path: Path) -> None:
    """On an empty server a consumer says that there is no log, and makes none."""
    with apart(tmp_path) as found:
        done = found.run("platform", "consumer", "planner")

        assert done.returncode == 78
        assert "there is no log here" in done.stderr
