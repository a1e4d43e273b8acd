"""`pushline replay`, as an operator types it, over a history with races, failures and refusals."""

import json
import re
from typing import Any

import pytest

from bus.connection import Bus
from edge.cli.main import run
from edge.cli.replay.parts.cast import PARTS
from schemas.envelope import Recorded
from schemas.events import Event
from schemas.events.replay import ReplayFinished, ReplayStarted
from schemas.events.run import RunQueued
from tests.edge.cli.operating import House


def replay(house: House, *arguments: str) -> int:
    """Run the command against this house; return its exit code."""
    return run(["replay", *arguments, "--home", str(house.home.path)])


def rows(text: str) -> list[dict[str, Any]]:
    """Return what was printed with --json."""
    return [json.loads(line) for line in text.splitlines()]


def events_of(house: House, kind: type[Event]) -> list[Recorded[Any]]:
    """Return all events with such a fact."""

    async def read(bus: Bus) -> list[Recorded[Any]]:
        head = await bus.log.head()
        events = bus.follow.events(after=0, until=head)
        return [event async for event in events if isinstance(event.fact, kind)]

    return house.do(read)


def state_of(house: House) -> dict[str, tuple[int, int]]:
    """Return messages and last sequence of each stream, as the server counts them."""

    async def read(bus: Bus) -> dict[str, tuple[int, int]]:
        found = {}
        for name in ("EVENTS", "DELIVERIES", "LOGS", "USAGE", "DEADLETTERS"):
            info = await bus.js.info(name)
            assert info
            found[name] = info["state"]["messages"], info["state"]["last_seq"]
        return found

    return house.do(read)


def test_the_same_code_decides_the_same(lived: House, capsys: pytest.CaptureFixture[str]) -> None:
    """Of pushes that raced, builds that failed and commits that were refused, nothing differs.

    A build may have waited for its function's name when all was stopped: that is not decided yet.
    """
    assert replay(lived, "--json") == 0

    *lines, summary = rows(capsys.readouterr().out)
    assert all("not_claimed" in line["reason"] for line in lines)
    assert summary["outcome"] == "equal"
    assert summary["equal"] > 100
    assert summary["different"] == 0
    assert summary["decisions"] == summary["equal"] + len(lines)
    assert summary["effects"]["build"] > 0
    assert summary["effects"]["deploy"] > 0


def test_nothing_is_published_but_that_it_was_replayed(lived: House) -> None:
    """The server counts two messages more in EVENTS, started and finished, and none elsewhere."""
    before = state_of(lived)

    assert replay(lived) == 0

    after = state_of(lived)
    assert after["EVENTS"] == tuple(count + 2 for count in before["EVENTS"])
    assert {**after, "EVENTS": None} == {**before, "EVENTS": None}


def test_a_replay_is_itself_recorded(lived: House, head: int) -> None:
    """Who began it, over what, with which code; and what it came to."""
    assert replay(lived, f"1..{head}", "--consumer", "planner") == 0

    started, finished = events_of(lived, ReplayStarted)[-1], events_of(lived, ReplayFinished)[-1]
    assert (started.fact.how, started.fact.first, started.fact.last) == ("dry", 1, head)
    assert started.fact.consumers == ("planner",)
    assert re.fullmatch(r"[^+]+\+[0-9a-f]{12}", started.fact.code)
    assert started.actor.startswith("operator")
    assert started.of == finished.of
    assert finished.fact.outcome == "equal"
    assert finished.fact.equal == finished.fact.decisions > 0


def test_one_run_alone(lived: House, capsys: pytest.CaptureFixture[str]) -> None:
    """From its push to its end, by every consumer that had to do with it; others pass unseen."""
    queued = events_of(lived, RunQueued)[-1]

    assert replay(lived, queued.of.id, "--json") == 0

    [summary] = rows(capsys.readouterr().out)
    assert 3 < summary["events"] < 30
    assert summary["decisions"] == summary["equal"] >= 3


def test_one_project_and_one_consumer(lived: House, capsys: pytest.CaptureFixture[str]) -> None:
    """What is narrowed down is less, and text says the same as JSON."""
    assert replay(lived, "--project", "bob/shop", "--consumer", "planner,source", "--json") == 0
    [summary] = rows(capsys.readouterr().out)
    assert replay(lived, "--project", "bob/shop", "--consumer", "planner,source") == 0
    text = capsys.readouterr().out

    assert f"{summary['events']} events, {summary['decisions']} decisions: " in text
    assert f"{summary['equal']} equal, 0 differ" in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("7..3",), "7..3 is not in the log"),
        (("yesterday",), "'yesterday' is neither a run nor a range"),
        (("01JD8Z6Q5V0000000000000000",), "there is no run 01JD8Z6Q5V0000000000000000"),
        (("1..5", "--since", "2h"), "1..5 and --since say two things"),
        (("--consumer", "audit"), "audit cannot be replayed\n  there are intake, planner"),
        (("--private", "--json"), "--json is not for people"),
        (("--since", "soon"), "'soon' is no moment"),
        (("--speed", "5x"), "Invalid value"),
    ],
)
def test_misuse_has_a_code_of_its_own(
    lived: House, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    """An error is told with its cure, and is not taken for a difference."""
    assert replay(lived, *arguments) == 2
    assert said in capsys.readouterr().err


def test_help_says_what_is_compared(capsys: pytest.CaptureFixture[str]) -> None:
    """Of each consumer, and how another revision is tried."""
    run(["replay", "--help"])

    text = " ".join(capsys.readouterr().out.split())
    assert all(f"{name}: " in text for name in PARTS)
    assert "other/deploy/pushline replay" in text
