"""A private copy gone through: step by step on standard input, or at a pace."""

import io
import json
import time

import pytest

from bus.connection import Bus
from edge.cli.main import run
from schemas.events.replay import ReplayFinished
from tests.edge.cli.operating import House
from tests.edge.cli.replay.test_command import events_of, rows


def step(house: House, monkeypatch: pytest.MonkeyPatch, what: str, typed: str) -> int:
    """Replay a range of a private copy, with these lines on standard input."""
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    return run(["replay", what, "--private", "--home", str(house.home.path)])


def copies(house: House) -> list[str]:
    """Return the streams that are not Pushline's own."""

    async def read(bus: Bus) -> list[str]:
        names = [f"REPLAY_{number}" for number in range(1, 9)]
        return [name for name in names if await bus.js.info(name) is not None]

    return house.do(read)


def test_each_command_of_a_person(
    lived: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An empty line and next go on, until and continue do not ask; states are looked into."""
    typed = "\nnext 2\ninspect\ninspect intake-branches alice\nuntil 20\nwhat\ncontinue\n"

    assert step(lived, monkeypatch, "3..30", typed) == 0

    out = capsys.readouterr().out
    shown = [int(line[:6]) for line in out.splitlines() if line[:6].strip().isdigit()]
    assert set(range(3, 31)) <= set(shown)
    assert "intake-branches, " in out  # which folds there are
    assert "intake-branches at 5: " in out
    assert "  inspect FOLD [KEY]" in out
    assert "28 events, " in out
    assert copies(lived) == []


@pytest.mark.parametrize("typed", ["n\nq\n", "n\n"])
def test_whoever_quits_is_recorded_as_such(
    lived: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], typed: str
) -> None:
    """Quit and the end of input stop before the next event; the copy is gone."""
    assert step(lived, monkeypatch, "1..30", typed) == 0

    assert "1 event, " in capsys.readouterr().out
    finished = events_of(lived, ReplayFinished)[-1].fact
    assert (finished.outcome, finished.events) == ("stopped", 1)
    assert copies(lived) == []


def test_a_copy_decides_as_the_log_does(lived: House, capsys: pytest.CaptureFixture[str]) -> None:
    """At full speed, each decision is told, and all are equal."""
    arguments = ["replay", "1..60", "--private", "--speed", "max", "--json"]

    assert run([*arguments, "--home", str(lived.home.path)]) == 0

    *lines, summary = rows(capsys.readouterr().out)
    assert len(lines) == summary["decisions"] > 20
    assert {line["outcome"] for line in lines if "not_claimed" not in line["reason"]} == {"equal"}


def test_ten_times_as_fast_as_it_was(lived: House, capsys: pytest.CaptureFixture[str]) -> None:
    """The events are as far apart as they were, by that factor."""
    events = events_of(lived, object)[:40]  # type: ignore[arg-type]
    lasted = (events[-1].time - events[0].time).total_seconds()
    arguments = ["replay", "1..40", "--private", "--speed", "10x", "--json"]

    begun = time.monotonic()
    assert run([*arguments, "--home", str(lived.home.path)]) == 0
    took = time.monotonic() - begun

    assert json.loads(capsys.readouterr().out.splitlines()[-1])["events"] == 40
    assert took >= lasted / 10
