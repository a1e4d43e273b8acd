"""Engine and registry go away in the middle of builds; the log is real, and so are they."""

import asyncio
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from bus.connection import Bus
from consumers.builder.consumer import Builder, BuilderSettings
from consumers.builder.registry import Login
from schemas.envelope import Recorded
from schemas.errors import EngineUnavailable, RegistryUnavailable
from schemas.events import Event
from schemas.events.run import (
    RunArchived,
    RunBuildFailed,
    RunBuildStarted,
    RunBuilt,
    RunQueued,
    RunSuperseded,
)
from schemas.stack import FunctionSpec
from schemas.subjects import build_log
from tests.consumers.builder.kitchen import Kitchen, named
from tests.consumers.builder.made import REPOSITORY, RUN, SHA
from tests.heavy.engines import started
from tests.heavy.registries import PASSWORD, USER, own_registry

Files = dict[str, str | bytes]
SLEEPING = 'RUN ["/bin/busybox", "sleep", "{}"]'


class Yard:
    """The worker with its log, and the places where archives lie."""

    def __init__(self, bus: Bus, kitchen: Kitchen) -> None:
        """Build in this kitchen."""
        self.bus = bus
        self.kitchen = kitchen

    def worker(self, kitchen: Kitchen | None = None) -> Builder:
        """Return the worker."""
        at = kitchen or self.kitchen
        images = at.builder()
        images = replace(images, blobs=self.bus.blobs)
        pace = BuilderSettings()
        return Builder(self.bus.log, self.bus.follow, self.bus.blobs, self.bus.lines, images, pace)

    async def archived(self, made: FunctionSpec, files: Files) -> Recorded[RunArchived]:
        """Record an archive of these files; return the fact as it stands in the log."""
        queued = RunQueued("production", 1, "main", SHA, REPOSITORY, "alice")
        await self.bus.log.append(queued, of=RUN, id="planner:test:queued")
        order = await self.kitchen.order(made, files)
        tar = await self.bus.blobs.put(self.kitchen.blobs.path(order.archive))
        body = await self.bus.blobs.put(msgspec.json.encode(made))
        fact = RunArchived(made.name, tar, body, made.language)
        await self.bus.log.append(fact, of=RUN, id=f"source:test:archived:{made.name}")
        found = await self.bus.log.last(RUN, RunArchived)
        assert found
        return found

    async def outcomes(self) -> list[Event]:
        """Return what the builder wrote."""
        head = await self.bus.log.head()
        facts = [event.fact async for event in self.bus.follow.events(after=0, until=head)]
        return [fact for fact in facts if isinstance(fact, RunBuilt | RunBuildFailed)]

    async def lines(self, function: str) -> list[str]:
        """Return the lines of a build's log so far."""
        subject = build_log(RUN.forge, RUN.project, RUN.id, function)
        return [line.text async for line in self.bus.lines.read(subject)]


@pytest.fixture
def yard(bus: Bus, kitchen: Kitchen) -> Yard:
    """Return the worker's surroundings."""
    return Yard(bus, kitchen)


async def running(kitchen: Kitchen, mark: str) -> None:
    """Wait until a build's step runs."""
    async with asyncio.timeout(30):
        while not kitchen.processes(mark):  # noqa: ASYNC110 - another program's process
            await asyncio.sleep(0.05)


async def test_a_built_image_is_a_fact(yard: Yard) -> None:
    """By its digest, with what was recorded of its making; a redelivery adds nothing."""
    event = await yard.archived(named("fact"), yard.kitchen.runs('RUN ["/bin/busybox", "true"]'))

    await yard.worker().handle(event)
    await yard.worker().handle(event)

    (built,) = await yard.outcomes()
    assert isinstance(built, RunBuilt)
    assert built.reference == f"{yard.kitchen.host}/alice/hello-fact@{built.image}"
    assert built.attestations
    assert built.tool_ms > 0


async def test_lines_stream_while_it_builds(yard: Yard) -> None:
    """What a step prints is in LOGS before the step has ended."""
    mark = f"4.{yard.kitchen.home.stat().st_ino}"
    step = f'RUN ["/bin/busybox", "sh", "-c", "echo begun; exec sleep {mark}"]'
    event = await yard.archived(named("streaming"), yard.kitchen.runs(step))
    building = asyncio.create_task(yard.worker().handle(event))
    await running(yard.kitchen, mark)

    async with asyncio.timeout(3):  # the step takes four seconds
        while not any(" begun" in line for line in await yard.lines("streaming")):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert not building.done()
    await building


async def test_the_pusher_learns_which_step_failed(yard: Yard) -> None:
    """Step, code and last lines stand in the fact that their terminal shows."""
    step = 'RUN ["/bin/busybox", "sh", "-c", "echo made it this far; exit 7"]'
    event = await yard.archived(named("seven"), yard.kitchen.runs(step))

    await yard.worker().handle(event)

    (failed,) = await yard.outcomes()
    assert isinstance(failed, RunBuildFailed)
    assert "exit 7" in failed.message
    assert "ended with 7" in failed.message
    assert "made it this far" in failed.tail
    assert PASSWORD not in str(failed)


async def test_a_wrong_password_ends_the_run(yard: Yard) -> None:
    """The pusher is told that it is the operator's to mend; the password stands nowhere."""
    event = await yard.archived(named("denied"), yard.kitchen.runs(""))
    login = Login(USER, "not the word")
    images = replace(yard.kitchen.builder(login=login), blobs=yard.bus.blobs)

    await replace(yard.worker(), images=images).handle(event)

    (failed,) = await yard.outcomes()
    assert isinstance(failed, RunBuildFailed)
    assert failed.code == "registry_refused"
    assert "PUSHLINE_REGISTRY_PASSWORD" in failed.message
    assert "not the word" not in str(failed) + "".join(await yard.lines("denied"))


async def test_an_engine_killed_in_the_middle_loses_nothing(yard: Yard) -> None:
    """The build is given back; whoever takes it up makes the one image."""
    mark = f"3.{yard.kitchen.home.stat().st_ino}"
    event = await yard.archived(named("survivor"), yard.kitchen.runs(SLEEPING.format(mark)))
    with started(snapshotter=True) as engine:
        doomed = yard.worker(replace(yard.kitchen, socket=engine.socket))
        building = asyncio.create_task(doomed.handle(event))
        await running(yard.kitchen, mark)
        engine.process.kill()
        with pytest.raises(EngineUnavailable):
            await building
    assert await yard.outcomes() == []

    await yard.worker().handle(event)
    await yard.worker().handle(event)

    (built,) = await yard.outcomes()
    assert isinstance(built, RunBuilt)


async def test_a_builder_killed_after_its_push_finds_the_image(yard: Yard) -> None:
    """Pushed, and the process gone before it said so: the next one finds it and says so."""
    event = await yard.archived(named("found"), yard.kitchen.runs(""))
    worker = yard.worker()
    pushed = await worker.images.build(await worker.order(event), yard.kitchen.said.append)

    await yard.worker().handle(event)

    (built,) = await yard.outcomes()
    assert isinstance(built, RunBuilt)
    assert (built.image, built.cached) == (pushed.image, True)


async def test_a_registry_that_goes_away_in_the_middle(yard: Yard, tmp_path: Path) -> None:
    """The pusher sees that the build waits; it ends well when the registry is back."""
    mark = f"1.{yard.kitchen.home.stat().st_ino}"
    files = yard.kitchen.runs(SLEEPING.format(mark))
    event = await yard.archived(named("patient"), files)
    folder = tmp_path / "registry"
    folder.mkdir()
    with own_registry(folder) as registry:
        worker = yard.worker(replace(yard.kitchen, host=registry.host))
        building = asyncio.create_task(worker.handle(event))
        await running(yard.kitchen, mark)
        registry.stop()
        with pytest.raises(RegistryUnavailable):
            await building
        assert await yard.outcomes() == []

        registry.start()
        await worker.handle(event)

    (built,) = await yard.outcomes()
    assert isinstance(built, RunBuilt)
    assert any("tried again" in line for line in await yard.lines("patient"))


async def test_a_superseded_build_stops(yard: Yard) -> None:
    """A newer push ends the step at once, and nothing is recorded."""
    mark = f"600.{yard.kitchen.home.stat().st_ino}"
    event = await yard.archived(named("old"), yard.kitchen.runs(SLEEPING.format(mark)))
    building = asyncio.create_task(yard.worker().handle(event))
    await running(yard.kitchen, mark)

    await yard.bus.log.append(RunSuperseded(by="x"), of=RUN, id="planner:test:superseded")
    async with asyncio.timeout(10):
        await building
        while yard.kitchen.processes(mark):  # noqa: ASYNC110 - another program's process
            await asyncio.sleep(0.05)

    assert await yard.outcomes() == []
    assert await yard.bus.log.last(RUN, RunBuildStarted)
