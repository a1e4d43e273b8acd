"""`pushline replay plan` and `apply`: shown first, named, applied once, to one consumer only."""

import asyncio
import json
import random
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bus import streams
from bus.connection import Bus
from bus.work import work
from consumers.deployer.consumer import Deployer
from consumers.deployer.platform import Revision, Running
from edge.cli.main import run
from edge.cli.replay import applying
from schemas.envelope import Aggregate, Recorded
from schemas.errors import GiveUp
from schemas.events.function import FunctionClaimed, FunctionDeployed
from schemas.events.replay import ReplayApplied, ReplayHandled
from schemas.events.run import RunBuilt, RunQueued
from schemas.repository import Repository
from tests.consumers.builder.made import spec
from tests.edge.cli.operating import House, house
from tests.edge.cli.replay.works import World

SHA, IMAGE = "a" * 40, "sha256:" + "1" * 64


class Broken(World):
    """A platform that takes nothing."""

    async def deploy(self, revision: Revision) -> Running:
        """Give up at once."""
        raise GiveUp(f"no room for {revision.function}")


class Willing(World):
    """A platform that takes everything."""

    def refuses(self, what: str) -> bool:
        """Refuse nothing."""
        return not what


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """Yield a house in whose log are three builds that nobody has deployed."""
    monkeypatch.setattr(applying, "APART", 0.0)
    with house(tmp_path) as found:
        found.do(_build)
        yield found


async def _build(bus: Bus) -> None:
    body = await bus.blobs.put(msgspec.json.encode(spec()))
    for number, name in enumerate(("one", "two", "three")):
        run_ = Aggregate("local", f"alice/{name}", "run", f"01RUN{number}")
        function = Aggregate("local", f"alice/{name}", "function", "production/hello")
        queued = RunQueued(
            environment="production",
            generation=1,
            branch="main",
            sha=SHA,
            repository=Repository("alice", name, "main"),
            label="alice",
        )
        facts = (
            (FunctionClaimed("alice", "hello"), function),
            (queued, run_),
            (RunBuilt(function="hello", image=IMAGE, spec=body), run_),
        )
        for place, (fact, of) in enumerate(facts):
            await bus.log.append(fact, of=of, id=f"test:{number}:{place}", name=f"alice/{name}")


def replay(house: House, *arguments: str) -> int:
    """Run a command about replays against this house."""
    return run(["replay", *arguments, "--home", str(house.home.path)])


def plan(house: House, capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """Return the plan for the deployer."""
    capsys.readouterr()
    assert replay(house, "plan", *arguments, "--consumer", "deployer", "--json") == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def deploying(house: House, world: World | None = None) -> AbstractContextManager[None]:
    """Have a deployer that began after these builds work around a block."""
    platform = world or Willing(random.Random(1))

    async def main(bus: Bus, stopping: asyncio.Event) -> None:
        await work(bus, Deployer(bus.log, bus.blobs, platform), stopping)

    asyncio.run(streams.ensure(house.server.settings("init"), [Deployer]))
    return house.beside(main)


def seen(house: House, kind: type[Any]) -> list[Recorded[Any]]:
    """Return all events with such a fact."""

    async def read(bus: Bus) -> list[Recorded[Any]]:
        events = bus.follow.events(after=0, until=await bus.log.head())
        return [event async for event in events if isinstance(event.fact, kind)]

    return house.do(read)


def test_a_plan_shows_what_would_be_done_and_does_nothing(
    built: House, capsys: pytest.CaptureFixture[str]
) -> None:
    """Count, first, last, each deed, and a name; the same plan has the same name."""
    first = plan(built, capsys)
    second = plan(built, capsys, "1..9")
    assert replay(built, "plan", "--consumer", "deployer") == 0
    text = capsys.readouterr().out

    assert (first["count"], first["first"], first["last"]) == (3, 3, 9)
    assert first["items"][0]["would"] == [
        "record function.deploy-started of production/hello",
        "deploy local/alice/one/production/hello@aaaaaaa-1",
    ]
    assert second["plan"] == first["plan"]
    assert "deployer: 3 events, 3 to 9" in text
    assert f"plan {first['plan']}" in text
    assert seen(built, FunctionDeployed) == []


def test_an_applied_plan_is_handled_by_that_consumer_once(
    built: House, capsys: pytest.CaptureFixture[str]
) -> None:
    """The events stand where they stood; the consumer takes them; a second time is refused."""
    name = plan(built, capsys, "1..6")["plan"]

    with deploying(built):
        assert replay(built, "apply", name, "--yes") == 0
        assert "     3  handled\n     6  handled\n" in capsys.readouterr().out
        assert replay(built, "apply", name, "--yes") == 2
        assert f"plan {name} was applied before" in capsys.readouterr().err

    assert len(seen(built, FunctionDeployed)) == 2
    pointers = seen(built, ReplayApplied)
    assert [pointer.fact.seq for pointer in pointers] == [3, 6]
    assert [handled.cause for handled in seen(built, ReplayHandled)] == [one.id for one in pointers]
    assert plan(built, capsys)["count"] == 1


def test_a_plan_that_has_moved_is_refused(built: House, capsys: pytest.CaptureFixture[str]) -> None:
    """What was looked at is no longer what would be done: nothing is handed on."""
    name, other = plan(built, capsys)["plan"], plan(built, capsys, "1..3")["plan"]

    with deploying(built):
        assert replay(built, "apply", other, "--yes") == 0
        assert replay(built, "apply", name, "--yes") == 2

    assert "was made when other things were so" in capsys.readouterr().err
    assert len(seen(built, ReplayApplied)) == 1


def test_the_first_that_fails_is_the_last(built: House, capsys: pytest.CaptureFixture[str]) -> None:
    """It becomes a dead letter, which is named; the rest of the plan is left alone."""
    name = plan(built, capsys)["plan"]

    with deploying(built, Broken(random.Random(1))):
        assert replay(built, "apply", name, "--yes") == 1

    out = capsys.readouterr().out
    assert "given up: internal: " in out
    assert len(seen(built, ReplayApplied)) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("apply", "0123456789ab", "--yes"), "there is no plan 0123456789ab"),
        (("plan", "--consumer", "intake"), "no plan can be made for intake"),
    ],
)
def test_misuse_says_what_to_do(
    built: House, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    """An unknown plan, and a consumer that takes nothing by a plan."""
    assert replay(built, *arguments) == 2
    assert said in capsys.readouterr().err


def test_without_a_word_nothing_is_applied(
    built: House, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where nobody can be asked, --yes has to be said."""
    name = plan(built, capsys)["plan"]

    assert replay(built, "apply", name) == 2

    assert "nothing was applied" in capsys.readouterr().err
    assert seen(built, ReplayApplied) == []


def test_no_more_than_a_cap_at_once(built: House, capsys: pytest.CaptureFixture[str]) -> None:
    """What is beyond is counted and left."""
    found = plan(built, capsys, "--max", "2")

    assert (found["count"], found["left"]) == (2, 1)
