"""A push becomes a live function: the whole path, with git's own client and every command."""

import asyncio
import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.laptop import HELLO, PATIENCE, ROOT, Laptop, commit, git, laptop, repository, saying


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laptop]:
    """Yield a Pushline that serves all tests of this file; nothing of it is left after."""
    with laptop(tmp_path_factory.mktemp("here")) as found:
        yield found


@pytest.fixture(scope="module")
def pushed(here: Laptop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the repository whose function was pushed once."""
    work = tmp_path_factory.mktemp("work") / "hello"
    repository(work, {"hello/handler.py": saying("version 1")})
    here.push(work)
    return work


def told(here: Laptop, *command: str) -> list[dict[str, object]]:
    """Return what a command says with --json."""
    return [json.loads(line) for line in here.pushline(*command, "--json").splitlines()]


def test_a_push_is_live_when_git_returns(here: Laptop, pushed: Path) -> None:
    """What was pushed answers, as soon as the router has heard of it too; git says where."""
    commit(pushed, {"hello/handler.py": saying("version 2")})

    said = here.push(pushed)

    asyncio.run(here.answers("hello", "version 2"))
    assert f"live at http://alice.localhost:{here.port}/hello" in said


def test_the_commands_tell_the_same_story(here: Laptop, pushed: Path) -> None:
    """An id of one command's output is an argument of the next; all agree on what is live."""
    commit(pushed, {"hello/handler.py": saying("version 3")})
    here.push(pushed)
    sha = git(pushed, "rev-parse", "HEAD")

    newest = told(here, "run", "ls")[0]
    [run] = told(here, "run", "show", str(newest["id"]))
    [by_sha] = told(here, "run", "show", sha[:8])
    [function] = told(here, "functions", "ls", "alice/hello")
    [shown] = told(here, "functions", "show", "alice/hello")
    [project] = told(here, "projects", "ls")
    events = told(here, "events", "tail", "alice/hello", "--type", "run.*")
    queued = next(e for e in events if e["id"] == run["id"] and e["type"] == "run.queued/1")
    [event] = told(here, "events", "show", str(queued["seq"]))

    assert (run["sha"], run["outcome"], run["id"]) == (sha, "live", by_sha["id"])
    assert (function["sha"], function["run"], function["status"]) == (sha, run["id"], "live")
    assert shown == function
    assert (project["name"], project["last_run"]) == ("alice/hello", run["id"])
    assert event == queued


def test_the_waterfall_adds_up(here: Laptop, pushed: Path) -> None:
    """Every step is there, none outlasts the run, and our own time is part of the whole."""
    run = here.pushline("run", "show", git(pushed, "rev-parse", "HEAD~0"), "--json")

    view = json.loads(run)
    steps = {step["name"]: step for step in view["steps"]}

    assert list(steps) == ["plan", "source", "build", "deploy", "finish"]
    assert 0 < view["own_ms"] < view["total_ms"]
    for step in view["steps"]:
        ended = step["start_ms"] + step["waiting_ms"] + step["working_ms"]
        assert ended <= view["total_ms"] + 5, step  # each number is rounded by itself
    assert steps["deploy"]["outside_ms"] > 0


def test_what_a_function_prints_is_read_back(here: Laptop, pushed: Path) -> None:
    """By the newest lines, and as it comes."""
    handler = "def handle(event, context):\n    print('asked for', event.path)\n    return 'x'\n"
    commit(pushed, {"hello/handler.py": handler})
    here.push(pushed)
    command = [sys.executable, "-m", "edge.cli.main", "functions", "logs", "hello", "-f"]
    with subprocess.Popen(
        [*command, "--json", "--home", str(here.home)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as following:
        assert following.stdout
        asyncio.run(here.answers("hello/deep/path", "x"))

        seen = next(line for line in following.stdout if "asked for" in line)
        following.terminate()

    assert json.loads(seen)["text"] == "asked for /deep/path"
    assert "asked for /deep/path" in here.pushline("functions", "logs", "alice/hello")


def test_the_record_holds_every_event(here: Laptop, pushed: Path) -> None:
    """The audit has reached the log's end, its chain holds, and it names the causes."""
    commit(pushed, {})
    here.push(pushed)
    head = len(here.events())

    def reached() -> bool:
        return int(str(told(here, "audit", "verify")[0]["verified"])) >= head

    here.wait(reached, "audit has every event")
    records = told(here, "audit", "tail", "--limit", "1000")

    assert [record["seq"] for record in records] == list(range(1, len(records) + 1))
    pushed_off = [record for record in records if record.get("run")]
    assert len(pushed_off) > 5
    assert all(record["cause"] for record in pushed_off)
    assert all(record["who"] for record in records)


def test_a_terminal_gets_bars_and_colour(here: Laptop, pushed: Path) -> None:
    """The same command, looked at by a person."""
    ours, theirs = pty.openpty()
    command = [
        sys.executable,
        "-m",
        "edge.cli.main",
        "run",
        "show",
        git(pushed, "rev-parse", "HEAD"),
    ]
    done = subprocess.run(
        [*command, "--home", str(here.home)],
        cwd=ROOT,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "120"},
        check=False,
        stdout=theirs,
        timeout=PATIENCE,
    )
    os.close(theirs)
    shown = os.read(ours, 100_000).decode()
    os.close(ours)

    assert done.returncode == 0
    assert "█" in shown
    assert "\x1b[32m" in shown
    assert "\x1b" not in here.pushline("run", "show", git(pushed, "rev-parse", "HEAD"))


def test_live_stays_live_over_a_restart(tmp_path: Path) -> None:
    """What was live answers again after `up` ended and came back, on its old commit."""
    with laptop(tmp_path) as found:
        work = repository(tmp_path / "work", {"hello/handler.py": saying("still here")})
        found.push(work)
        assert found.stop() == 0
        found.start()

        asyncio.run(found.answers("hello", "still here"))

        [function] = told(found, "functions", "ls")
        assert function["sha"] == git(work, "rev-parse", "HEAD")


def test_an_unchanged_function_is_not_built_again(here: Laptop, tmp_path: Path) -> None:
    """A push that changes one of two functions says `cached` of the other."""
    stack = HELLO + HELLO.partition("functions:\n")[2].replace("hello", "other")
    files = {"hello/handler.py": saying("one"), "other/handler.py": saying("two")}
    work = repository(tmp_path / "work", files, stack)
    here.push(work, "bob/pair")
    commit(work, {"hello/handler.py": saying("three")})

    here.push(work, "bob/pair")

    [run] = told(here, "run", "ls", "bob/pair", "--limit", "1")
    [view] = told(here, "run", "show", str(run["id"]))
    parts = {part["function"]: part for part in view["parts"]}  # type: ignore[attr-defined]
    assert parts["other"].get("cached") is True
    assert not parts["hello"].get("cached")


def test_the_demo_shows_all_of_it_and_leaves_nothing(tmp_path: Path) -> None:
    """Its steps, in order, all of them ok; its folder is gone and its exit code is 0."""
    done = subprocess.run(
        [sys.executable, "-m", "edge.cli.main", "demo", "--once", "--json"],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE * 2,
    )
    steps = [json.loads(line) for line in done.stdout.splitlines()]

    assert done.returncode == 0, done.stderr
    names = [step["step"] for step in steps if step["step"] != "event"]
    assert names == [
        "up",
        "sample",
        "push",
        "call hello",
        "call site",
        "run",
        "push again",
        "call hello",
        "run",
        "done",
    ]
    assert all(step["ok"] for step in steps)
    assert any(step["detail"].startswith("run.queued") for step in steps)
    assert not list(tmp_path.iterdir())
