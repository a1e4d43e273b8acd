"""`pushline deadletter` and `pushline events resend`, as an operator types them."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import msgspec
import pytest

from bus import streams
from bus.connection import Bus
from bus.letters import open_letters
from bus.work import work
from consumers.intake.again import IntakeAgain
from consumers.intake.consumer import Intake, fold
from edge.cli.main import run
from schemas.envelope import Aggregate, Recorded
from schemas.errors import BuildFailed, EngineUnavailable
from schemas.events.delivery import DeliveryIgnored, DeliveryTranslated
from schemas.events.run import RunBuildStarted
from tests.bus.workers import Recorder, started
from tests.consumers.forges.samples import A, B, github_push
from tests.consumers.intake.listing import everybody
from tests.edge.cli.operating import House, house


class Kitchen:
    """A worker that fails until it is mended."""

    def __init__(self, house: House) -> None:
        """Work on this house's log."""
        self.house = house
        self.broken = True
        self.worker = Recorder(self.react)

    async def react(self, event: Recorded[RunBuildStarted]) -> None:
        """Fail, each function in its own way."""
        if not self.broken:
            return
        if event.fact.function.startswith("engine"):
            raise EngineUnavailableAtOnce(f"no engine for run {event.of.id}", hint="start it")
        raise BuildFailed(f"function '{event.fact.function}' has no Dockerfile")

    def cook(self, *names: str) -> None:
        """Have these functions given up."""

        async def given_up(bus: Bus) -> None:
            for name in names:
                await started(bus, name, name)
            async with asyncio.timeout(20):
                while len(await open_letters(bus)) < len(names):  # noqa: ASYNC110
                    await asyncio.sleep(0.02)

        with self.running():
            self.house.do(given_up)

    def running(self) -> AbstractContextManager[None]:
        """Have the worker run around a block."""
        init = self.house.server.settings("init")
        asyncio.run(streams.ensure(init, [self.worker]))
        return self.house.beside(lambda bus, stopping: work(bus, self.worker, stopping))


class EngineUnavailableAtOnce(BuildFailed):
    """An engine's absence, that a worker does not wait for."""

    code = EngineUnavailable.code


@pytest.fixture
def kitchen(tmp_path: Path) -> Iterator[Kitchen]:
    """Yield a worker with a log of its own."""
    with house(tmp_path) as found:
        yield Kitchen(found)


def pushline(kitchen: Kitchen | House, *arguments: str) -> int:
    """Run a command in that home."""
    place = kitchen.house if isinstance(kitchen, Kitchen) else kitchen
    return run([*arguments, "--home", str(place.home.path)])


def test_letters_are_grouped_by_what_went_wrong(
    kitchen: Kitchen, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two failures alike but for names are one line with a count; --json has their ids."""
    kitchen.cook("a", "b", "engine-7")
    capsys.readouterr()

    assert pushline(kitchen, "deadletter", "ls") == 0
    text = capsys.readouterr().out
    assert pushline(kitchen, "deadletter", "ls", "--json") == 0
    groups = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    assert [(one["code"], one["count"]) for one in groups] == [
        ("build_failed", 2),
        ("engine_unavailable", 1),
    ]
    assert groups[0]["reason"] == "function … has no Dockerfile"
    assert groups[0]["letters"] == ["recorder:EVENTS:1", "recorder:EVENTS:2"]
    assert groups[0]["first"] < groups[0]["last"]
    assert "recorder\tbuild_failed\t2\t" in text


def test_one_letter_tells_all(kitchen: Kitchen, capsys: pytest.CaptureFixture[str]) -> None:
    """Message, where it happened, what to do, and the event that it is about."""
    kitchen.cook("engine-7")
    capsys.readouterr()

    assert pushline(kitchen, "deadletter", "show", "recorder:EVENTS:1") == 0
    text = capsys.readouterr().out
    assert pushline(kitchen, "deadletter", "show", "recorder:EVENTS:1", "--json") == 0
    whole = json.loads(capsys.readouterr().out)

    assert text.startswith("engine_unavailable  no engine for run engine-7\n")
    assert "cure     start it" in text
    assert "about    run.build-started/1 started:engine-7:engine-7, EVENTS 1" in text
    assert "bus/handling.py:" in text
    assert whole["state"] == "open"
    assert pushline(kitchen, "deadletter", "show", "builder:EVENTS:9") == 1
    assert "there is no dead letter builder:EVENTS:9" in capsys.readouterr().err


def test_redriven_letters_end_and_say_so(
    kitchen: Kitchen, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that still fails makes the exit code 1 and a new letter; then all at once."""
    kitchen.cook("a", "b", "c")

    with kitchen.running():
        assert pushline(kitchen, "deadletter", "redrive", "recorder:EVENTS:1") == 1
        again = capsys.readouterr().out
        kitchen.broken = False
        assert pushline(kitchen, "deadletter", "redrive", "--all", "--max", "2") == 0
        most = capsys.readouterr().out
        by_code = ("--consumer", "recorder", "--code", "build_failed")
        assert pushline(kitchen, "deadletter", "redrive", *by_code) == 0
    assert pushline(kitchen, "deadletter", "redrive", "--all") == 0  # nothing is left
    assert pushline(kitchen, "deadletter", "ls") == 0

    assert "recorder:EVENTS:1  failed again  recorder:EVENTS:4" in again
    assert "2 redriven, 0 failed again, 1 more are left" in most
    assert capsys.readouterr().out.splitlines()[-1] == "nothing was given up"
    assert sorted(kitchen.worker.seen) == ["a", "a", "a", "b", "b", "c", "c"]


def test_who_does_not_say_which_is_asked(
    kitchen: Kitchen, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing, or two ways at once, redrives nothing; a letter is settled once."""
    kitchen.cook("a")

    assert pushline(kitchen, "deadletter", "redrive") == 1
    assert pushline(kitchen, "deadletter", "redrive", "x", "--all") == 1
    assert pushline(kitchen, "deadletter", "drop", "recorder:EVENTS:1", "--reason", " ") == 1
    assert pushline(kitchen, "deadletter", "redrive", "--all", "--max", "0") == 2
    assert pushline(kitchen, "deadletter", "drop", "recorder:EVENTS:1", "--reason", "gone") == 0
    assert pushline(kitchen, "deadletter", "redrive", "recorder:EVENTS:1") == 1
    told = capsys.readouterr()
    assert pushline(kitchen, "deadletter", "ls", "--all") == 0

    assert told.err.count("say which letters") == 2
    assert "recorder:EVENTS:1 is dropped, by operator:" in told.err
    assert "recorder:EVENTS:1\tdropped\tbuild_failed" in capsys.readouterr().out


def test_what_runs_late_is_under_way(kitchen: Kitchen, capsys: pytest.CaptureFixture[str]) -> None:
    """No worker runs: the wish is recorded, and happens when one does."""
    kitchen.cook("a")
    kitchen.broken = False

    assert pushline(kitchen, "deadletter", "redrive", "--all", "--wait", "0.2") == 0
    assert "recorder:EVENTS:1  under way" in capsys.readouterr().out
    with kitchen.running():
        kitchen.house.do(_has_handled)

    assert kitchen.worker.seen == ["a", "a"]


async def _has_handled(bus: Bus) -> None:
    async with asyncio.timeout(20):
        async for event in bus.follow.events(after=0, filter="ev.*.*.deadletter.*.handled"):
            assert event.actor == "recorder"
            return


@pytest.fixture
def taking(kitchen: Kitchen) -> Iterator[House]:
    """Yield a house where intake runs, with one delivery of a push and one of a tag."""
    place = kitchen.house
    workers = (Intake, IntakeAgain)
    asyncio.run(streams.ensure(place.server.settings("init"), workers))

    async def take(bus: Bus, stopping: asyncio.Event) -> None:
        branches = fold()
        following = asyncio.create_task(branches.run(bus.follow))
        intake = Intake(bus.log, branches, everybody())
        again = IntakeAgain(intake, bus.deliveries, bus.follow.events)
        await asyncio.gather(work(bus, intake, stopping), work(bus, again, stopping))
        following.cancel()

    async def deliver(bus: Bus) -> None:
        headers = {"x-github-event": "push"}
        tag = github_push(ref="refs/tags/v")
        for id, body in (("d-1", github_push(before=A, after=B)), ("d-2", tag)):
            await bus.deliveries.store("github", id, headers, msgspec.json.encode(body))
            of = Aggregate("github", "", "delivery", id)
            async with asyncio.timeout(20):
                while await bus.log.last(of, DeliveryTranslated, DeliveryIgnored) is None:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)

    with place.beside(take):
        place.do(deliver)
        yield place


def test_a_delivery_is_resent_by_any_of_its_names(
    taking: House, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its own, an event's sequence, an event's id; the answer says that nothing was missing."""
    for name in ("github:d-1", "1", "intake:github:d-1:branch.pushed"):
        assert pushline(taking, "events", "resend", name) == 0
        assert capsys.readouterr().out == "github:d-1: nothing was missing\n"
    assert pushline(taking, "events", "resend", "github:d-2", "--json") == 0

    answer = json.loads(capsys.readouterr().out)
    assert (answer["facts"], answer["reason"][:14]) == ([], "ignored: a tag")


def test_what_is_no_delivery_is_refused(taking: House, capsys: pytest.CaptureFixture[str]) -> None:
    """An event that nobody knows, or of another origin, has no delivery to resend."""
    assert pushline(taking, "events", "resend", "99") == 1
    assert pushline(taking, "events", "resend", "nobody:knows:this") == 1
    assert pushline(taking, "events", "resend", "github:never") == 0

    told = capsys.readouterr()
    assert "there is no event 99" in told.err
    assert "no delivery led to nobody:knows:this" in told.err
    assert told.out == "github:never: the delivery is not stored any more\n"
