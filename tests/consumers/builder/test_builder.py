"""Builder, seen by an operator. The log is real; where time matters the image builder is a fake."""

import asyncio
from dataclasses import dataclass, field, replace

import msgspec
import pytest

from bus import streams
from bus.allowance import Allowance
from bus.connection import Bus, BusSettings
from bus.work import work
from consumers.builder.bundle import BundleBuilder, BundleSettings
from consumers.builder.consumer import Builder, BuilderSettings, RunUnknown
from consumers.builder.images import Built, DependenciesFailed, ImageBuilder, Order, Say
from schemas.envelope import Recorded
from schemas.errors import PlatformUnavailable
from schemas.events import Event
from schemas.events.run import (
    RunArchived,
    RunBuildFailed,
    RunBuildStarted,
    RunBuilt,
    RunCancelled,
    RunQueued,
    RunResolved,
    RunSuperseded,
)
from schemas.ids import Digest
from schemas.subjects import build_log
from tests.consumers.builder.made import HANDLER, REPOSITORY, RUN, SHA, archive, spec

IMAGE: Digest = "sha256:" + "1" * 64
SETTINGS = BuilderSettings()


@dataclass
class FakeImages:
    """Builds as told; remembers what it was asked for."""

    error: Exception | None = None
    hold: asyncio.Event | None = None
    asked: list[Order] = field(default_factory=list)
    cancelled: int = 0

    async def build(self, order: Order, say: Say) -> Built:
        """Say a line, wait as told, return the one image, each time with another duration."""
        self.asked.append(order)
        say(f"building {order.spec.name}")
        try:
            if self.hold:
                await self.hold.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error:
            raise self.error
        return Built(IMAGE, cached=len(self.asked) > 1, tool_ms=len(self.asked))


def builder(bus: Bus, images: ImageBuilder) -> Builder:
    """Return the worker."""
    return Builder(bus.log, bus.follow, bus.blobs, bus.lines, images, SETTINGS)


async def archived(bus: Bus, function: str = "hello") -> Recorded[RunArchived]:
    """Record an archive that can really be built; return the fact as it stands in the log."""
    queued = RunQueued(
        environment="production",
        generation=1,
        branch="main",
        sha=SHA,
        repository=REPOSITORY,
        label="alice",
    )
    await bus.log.append(queued, of=RUN, id="planner:test:queued")
    tar = await bus.blobs.put(archive("python3-http", {"handler.py": HANDLER}))
    body = await bus.blobs.put(msgspec.json.encode(spec()))
    fact = RunArchived(function=function, archive=tar, spec=body, language="python3-http")
    await bus.log.append(fact, of=RUN, id=f"source:test:archived:{function}")
    found = await bus.log.last(RUN, RunArchived)
    assert found
    return found


async def facts(bus: Bus) -> list[Event]:
    """Return what the builder and others wrote beside the archives."""
    head = await bus.log.head()
    found = [event.fact async for event in bus.follow.events(after=0, until=head)]
    return [fact for fact in found if not isinstance(fact, RunQueued | RunArchived)]


async def test_an_archive_becomes_a_bundle(bus: Bus, bus_settings: BusSettings) -> None:
    """Started, built, with a bundle that is there and a log that can be read."""
    event = await archived(bus)
    images = BundleBuilder(bus.blobs, bus_settings.home, BundleSettings())

    await builder(bus, images).handle(event)

    started, built = await facts(bus)
    assert started == RunBuildStarted(function="hello")
    assert isinstance(built, RunBuilt)
    assert (built.spec, built.cached) == (event.fact.spec, False)
    name = built.image.removeprefix("sha256:")
    assert (bus_settings.home / "bundles" / name / "bundle.json").is_file()
    subject = build_log("local", "alice/hello", RUN.id, "hello")
    lines = [line.text async for line in bus.lines.read(subject)]
    assert lines[0] == "building hello (python3-http)"


async def test_what_a_tenant_s_builds_print_is_bounded_by_the_day(bus: Bus) -> None:
    """Beyond its allowance a log says so and ends; the build goes on, and is built."""
    event = await archived(bus)
    limits = replace(builder(bus, FakeImages()), allowance=Allowance(10))

    await limits.handle(event)

    subject = build_log("local", "alice/hello", RUN.id, "hello")
    [line] = [line.text async for line in bus.lines.read(subject)]
    assert "log for" in line
    assert isinstance((await facts(bus))[-1], RunBuilt)


async def test_an_order_says_whose_it_is(bus: Bus) -> None:
    """Repository and branch of the queued run, and the commit that was resolved."""
    event = await archived(bus)
    images = FakeImages()
    await builder(bus, images).handle(event)
    resolved = RunResolved(sha="5" * 40, functions=("hello",))
    await bus.log.append(resolved, of=RUN, id="source:test:resolved")

    after = await builder(bus, images).order(event)

    (asked,) = images.asked
    assert (asked.repository, asked.branch, asked.sha) == (REPOSITORY, "main", SHA)
    assert asked.spec == spec()
    assert after.sha == "5" * 40


async def test_a_run_nobody_queued_is_given_up(bus: Bus) -> None:
    """An archive without its run names nobody that an image could belong to."""
    event = await archived(bus)
    lost = msgspec.structs.replace(event, of=msgspec.structs.replace(RUN, id="0" * 26))

    with pytest.raises(RunUnknown):
        await builder(bus, FakeImages()).order(lost)


async def test_a_redelivery_records_one_image(bus: Bus) -> None:
    """An archive delivered twice leaves exactly one run.built in the log."""
    event = await archived(bus)
    images = FakeImages()

    await builder(bus, images).handle(event)
    await builder(bus, images).handle(event)

    assert [type(fact) for fact in await facts(bus)] == [RunBuildStarted, RunBuilt]
    assert len(images.asked) == 1


async def test_two_deliveries_at_once_record_one_image(bus: Bus) -> None:
    """Two processes hold the same archive: the second one's image adds nothing."""
    event = await archived(bus)
    images = FakeImages(hold=asyncio.Event())
    both = [asyncio.create_task(builder(bus, images).handle(event)) for _ in range(2)]
    async with asyncio.timeout(20):
        while len(images.asked) < 2:  # noqa: ASYNC110 - the fake has no event for it
            await asyncio.sleep(0.01)

    assert images.hold
    images.hold.set()
    await asyncio.gather(*both)

    assert [type(fact) for fact in await facts(bus)] == [RunBuildStarted, RunBuilt]


async def test_a_redelivery_among_other_functions_is_known(bus: Bus) -> None:
    """The newest outcome is another function's: the run is looked through."""
    first, second = await archived(bus, "one"), await archived(bus, "two")
    images = FakeImages()
    for event in (first, second, first):
        await builder(bus, images).handle(event)

    built = [fact for fact in await facts(bus) if isinstance(fact, RunBuilt)]
    assert [fact.function for fact in built] == ["one", "two"]
    assert len(images.asked) == 2


async def test_a_failure_is_recorded_with_its_log(bus: Bus) -> None:
    """Code, message with its cure, and the last lines; a redelivery adds nothing."""
    event = await archived(bus)
    error = DependenciesFailed("pip ended with 1", hint="see the log")

    await builder(bus, FakeImages(error=error)).handle(event)
    await builder(bus, FakeImages()).handle(event)

    _, failed = await facts(bus)
    assert failed == RunBuildFailed(
        function="hello",
        code="dependencies_failed",
        message="pip ended with 1 (see the log)",
        tail=("building hello",),
    )


@pytest.mark.weakness(12)
async def test_an_outage_is_nobodys_failure(bus: Bus) -> None:
    """What may work later is raised for the worker loop, and not recorded."""
    event = await archived(bus)

    with pytest.raises(PlatformUnavailable):
        await builder(bus, FakeImages(error=PlatformUnavailable("no engine"))).handle(event)

    assert [type(fact) for fact in await facts(bus)] == [RunBuildStarted]


async def test_a_build_that_is_given_up_has_failed(bus: Bus) -> None:
    """The run gets its end; a build with an outcome keeps it."""
    event = await archived(bus)
    worker = builder(bus, FakeImages())

    await worker.gave_up(event, "platform_unavailable", "no engine")
    await worker.gave_up(event, "platform_unavailable", "no engine")

    (failed,) = await facts(bus)
    assert isinstance(failed, RunBuildFailed)
    assert (failed.code, failed.message) == ("platform_unavailable", "no engine")


async def test_an_ended_run_is_not_built(bus: Bus) -> None:
    """A superseded run is skipped before anything is done."""
    event = await archived(bus)
    await bus.log.append(RunSuperseded(by="x"), of=RUN, id="planner:test:superseded")
    images = FakeImages()

    await builder(bus, images).handle(event)

    assert images.asked == []
    assert len(await facts(bus)) == 1


@pytest.mark.parametrize("end", [RunSuperseded(by="x"), RunCancelled(by="alice")])
async def test_a_build_stops_when_its_run_ends(bus: Bus, end: Event) -> None:
    """Superseded or cancelled in the middle: the build is cancelled, nothing is recorded."""
    event = await archived(bus)
    images = FakeImages(hold=asyncio.Event())
    working = asyncio.create_task(builder(bus, images).handle(event))
    async with asyncio.timeout(20):
        while not images.asked:  # noqa: ASYNC110 - the fake has no event for it
            await asyncio.sleep(0.01)

    await bus.log.append(end, of=RUN, id="planner:test:end")
    async with asyncio.timeout(20):
        await working

    assert images.cancelled == 1
    assert await facts(bus) == [RunBuildStarted(function="hello"), end]


async def test_a_log_has_an_end(bus: Bus) -> None:
    """What a build prints is cut at a limit; the tail still tells how it ended."""

    class Chatty:
        async def build(self, order: Order, say: Say) -> Built:
            for number in range(1000):
                say(f"line {number} of {order.spec.name} {order.archive}\x1b[2J")
            raise DependenciesFailed("enough")

    event = await archived(bus)
    settings = BuilderSettings(log_bytes=5000)
    worker = Builder(bus.log, bus.follow, bus.blobs, bus.lines, Chatty(), settings)

    await worker.handle(event)

    subject = build_log("local", "alice/hello", RUN.id, "hello")
    lines = [line.text async for line in bus.lines.read(subject)]
    assert 10 < len(lines) < 100
    assert lines[-1] == "… the log is cut after 5000 bytes"
    assert all("\x1b" not in line for line in lines)
    failed = (await facts(bus))[-1]
    assert isinstance(failed, RunBuildFailed)
    assert failed.tail[-1].startswith("line 999")


async def test_the_worker_loop_runs_it(bus: Bus, bus_settings: BusSettings) -> None:
    """Driven by the bus, as in production."""
    await streams.ensure(bus_settings, [Builder])
    event = await archived(bus)
    stopping = asyncio.Event()
    working = asyncio.create_task(work(bus, builder(bus, FakeImages()), stopping))

    found: list[Event] = []
    async with asyncio.timeout(20):
        async for recorded in bus.follow.events(after=event.seq):
            found.append(recorded.fact)
            if isinstance(recorded.fact, RunBuilt):
                break
    stopping.set()
    await working

    assert [type(fact) for fact in found] == [RunBuildStarted, RunBuilt]
