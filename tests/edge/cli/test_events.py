"""`pushline events`, `audit tail` and `why`: the same words for a log here and one elsewhere."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bus.connection import Bus
from edge.auth.people import PLATFORM
from edge.cli import contexts
from edge.cli.contexts import Context
from edge.cli.main import run
from schemas.envelope import Aggregate
from schemas.events.run import RunBuildStarted, RunFinished
from tests.edge.api.listening import Listening, listening
from tests.edge.auth.entering import person

RUN = Aggregate("local", "alice/shop", "run", "r")
Say = Callable[..., Any]


@pytest.fixture
async def api(bus: Bus) -> AsyncIterator[Listening]:
    """Yield the API of a log with two tenants' pushes, one of which led to a run."""
    async with listening(bus) as served:
        for number in range(4):
            await served.push(number, "alice")
            await served.push(number, "bob")
        cause = await bus.log.get(1)
        id = "builder:intake:1:branch.pushed:run.build-started"
        fact = RunBuildStarted(function="hello")
        await bus.log.append(fact, of=RUN, id=id, cause=cause, actor="builder")
        cause = await bus.log.get(9)
        await bus.log.append(
            RunFinished(outcome="live"), of=RUN, id=f"planner:{id}:run.finished", cause=cause
        )
        yield served


@pytest.fixture(params=["here", "elsewhere"])
def say(
    request: pytest.FixtureRequest,
    api: Listening,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Say:
    """Return what runs a command by the log itself, or as who is signed in to it elsewhere."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    if request.param == "here":
        monkeypatch.setenv("PUSHLINE_NATS_URL", api.bus.settings.nats_url)
        monkeypatch.setenv("PUSHLINE_HOME", str(tmp_path / "there"))
    else:
        with contexts.changing(contexts.file_of(os.environ)) as change:
            change.to(change.now.with_one("there", Context(url=api.url, token="t")))

    async def said(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = await asyncio.to_thread(run, arguments)
        told = capsys.readouterr()
        return code, told.out, told.err

    return said


async def seqs(say: Say, *arguments: str) -> list[int]:
    """Return the sequences of what a command tells as JSON."""
    code, out, err = await say(*arguments, "--json")
    assert code == 0, err
    return [json.loads(line)["seq"] for line in out.splitlines()]


async def test_the_log_is_narrowed_and_resumed(say: Say) -> None:
    """By project, kind, actor, time and sequence; in the log's order."""
    assert await seqs(say, "events", "tail") == list(range(1, 11))
    assert await seqs(say, "events", "tail", "bob/shop") == [2, 4, 6, 8]
    assert await seqs(say, "events", "tail", "--type", "run.*") == [9, 10]
    assert await seqs(say, "events", "tail", "--kind", "branch.pushed", "--after", "4") == [
        5, 6, 7, 8,
    ]  # fmt: skip
    assert await seqs(say, "events", "tail", "--actor", "builder", "--since", "1h") == [9]
    assert await seqs(say, "events", "tail", "--until", "1h") == []


async def test_following_ends_when_it_was_told_to(say: Say) -> None:
    """`--until` a moment that comes: what was there, and then no more."""
    soon = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()

    async with asyncio.timeout(20):
        assert await seqs(say, "events", "tail", "-f", "--after", "8", "--until", soon) == [9, 10]


async def test_why_is_a_tree(say: Say) -> None:
    """The cause above, the one that was asked for marked, the effect below."""
    code, out, _ = await say("why", "9")
    told = json.loads((await say("why", "9", "--json"))[1])

    assert code == 0
    assert "1 branch.pushed" in out
    assert "9 run.build-started  hello" in out
    assert out.index("asked for") < out.index("10 run.finished")
    assert [told["event"]["seq"], told["below"][0]["event"]["seq"]] == [9, 10]


async def test_an_event_that_is_not_there_is_told(say: Say) -> None:
    """By a sequence that the log has not, or that is none of an event."""
    for command in (("why", "99"), ("events", "show", "99"), ("events", "show", "nobody:x")):
        code, _, err = await say(*command)
        assert code == 1
        assert "error: " in err


async def test_elsewhere_a_tenant_sees_what_is_theirs(
    api: Listening, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """By the same commands, as who is signed in; the audit is for owners."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    with contexts.changing(contexts.file_of(os.environ)) as change:
        change.to(change.now.with_one("there", Context(url=api.url, token="t")))

    async def seen(noun: str) -> list[int]:
        capsys.readouterr()
        assert await asyncio.to_thread(run, (noun, "tail", "--json")) == 0
        return [json.loads(line)["seq"] for line in capsys.readouterr().out.splitlines()]

    api.caller = person("bob", "viewer", "bob")
    assert (await seen("events"), await seen("audit")) == ([2, 4, 6, 8], [])
    api.caller = person("bob", "owner", "bob")
    assert await seen("audit") == [2, 4, 6, 8]
    api.caller = PLATFORM
    assert await seen("audit") == list(range(1, 11))
