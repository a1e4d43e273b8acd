"""A bug that is planted in a copy of the code: exactly the decisions that it changes are shown."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bus.connection import Bus
from schemas.envelope import Recorded
from schemas.events.run import RunQueued, RunSuperseded
from tests.edge.cli.operating import House

ROOT = Path(__file__).parents[4]
ROOMS = ("schemas", "bus", "consumers", "edge")

Facts = list[Recorded[Any]]


def planted(folder: Path, file: str, old: str, new: str) -> Path:
    """Return a copy of the code with one thing in it changed."""
    for room in ROOMS:
        shutil.copytree(ROOT / room, folder / room, ignore=shutil.ignore_patterns("__pycache__"))
    path = folder / file
    text = path.read_text()
    assert text.count(old) == 1, file
    path.write_text(text.replace(old, new))
    return folder


def replayed(code: Path, house: House, *arguments: str) -> tuple[int, list[dict[str, Any]]]:
    """Replay with the code in a folder; return the exit code and what was printed."""
    command = [sys.executable, "-P", "-m", "edge.cli.main", "replay", *arguments]
    done = subprocess.run(
        [*command, "--json", "--home", str(house.home.path)],
        env={**os.environ, "PYTHONPATH": str(code)},
        cwd=code,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert not done.stderr
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def facts(house: House) -> Facts:
    """Return all events."""

    async def read(bus: Bus) -> Facts:
        head = await bus.log.head()
        return [event async for event in bus.follow.events(after=0, until=head)]

    return house.do(read)


def forgets_to_ask(event: Recorded[Any]) -> bool:
    """Tell whether a run was queued to ask the forge for the head."""
    return isinstance(event.fact, RunQueued) and event.fact.resolve


def supersedes(event: Recorded[Any]) -> bool:
    """Tell whether a push has superseded a run."""
    return isinstance(event.fact, RunSuperseded)


class Bug(NamedTuple):
    """A line of the planner that is changed, and what has to come out."""

    old: str
    new: str
    kind: str
    changed: Callable[[Recorded[Any]], bool]


BUGS = {
    "another fact": Bug("resolve=want.resolve", "resolve=False", "different", forgets_to_ask),
    "a fact less": Bug("and not run.deploying\n", "and run.rejected\n", "missing", supersedes),
}


@pytest.mark.parametrize("bug", BUGS.values(), ids=BUGS)
def test_exactly_the_changed_decisions_are_shown(lived: House, tmp_path: Path, bug: Bug) -> None:
    """Each with the event that caused it and both facts; the exit code is 1."""
    code = planted(tmp_path, "consumers/planner/decide.py", bug.old, bug.new)

    exit_code, (*lines, summary) = replayed(code, lived, "--consumer", "planner")

    events = facts(lived)
    seqs = {event.id: event.seq for event in events}
    wanted = {seqs[event.cause] for event in events if bug.changed(event)}
    assert exit_code == 1
    assert {line["seq"] for line in lines} == wanted != set()
    assert {change["change"] for line in lines for change in line["changes"]} == {bug.kind}
    assert all(line["consumer"] == "planner" for line in lines)
    assert summary["different"] == len(wanted)
    assert summary["equal"] == summary["decisions"] - len(wanted)


def test_a_consumer_that_fails_is_a_difference(lived: House, tmp_path: Path) -> None:
    """An exception of new code is told by its type, and the replay goes on."""
    code = planted(
        tmp_path,
        "consumers/deployer/decide.py",
        'return f"{sha[:7]}-{generation}"',
        'return f"{sha[:7]}-{generation.real_count}"',
    )

    exit_code, (*lines, summary) = replayed(code, lived, "--consumer", "deployer,planner")

    assert exit_code == 1
    assert {line["consumer"] for line in lines} == {"deployer"}
    assert all("AttributeError" in line["reason"] for line in lines)
    assert summary["different"] == len(lines)
