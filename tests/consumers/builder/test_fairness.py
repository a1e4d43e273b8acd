"""Fairness, measured: one account's flood of pushes delays another's build by one slot at most."""

import asyncio
import time
from dataclasses import dataclass, field

import msgspec

from bus.connection import Bus
from consumers.builder.consumer import Builder, BuilderSettings
from consumers.builder.images import Built, Order, Say
from schemas.envelope import Aggregate
from schemas.events.run import RunArchived, RunQueued
from schemas.ids import Digest
from tests.bus.workers import eventually, working
from tests.consumers.builder.made import REPOSITORY, SHA, spec

SLOT = 0.1  # seconds that each build takes
PLACES = 2
FLOOD = 50
IMAGE: Digest = "sha256:" + "1" * 64


@dataclass
class Slots:
    """Builds that take a slot each."""

    seconds: float = SLOT
    begun: list[tuple[float, str]] = field(default_factory=list)  # when, and whose

    async def build(self, order: Order, say: Say) -> Built:  # noqa: ARG002 - the port's
        """Note when, then take the time of a slot."""
        self.begun.append((time.monotonic(), order.run.project))
        await asyncio.sleep(self.seconds)
        return Built(IMAGE, cached=False)

    def of(self, owner: str) -> list[float]:
        """Return when the builds of an owner began."""
        return [when for when, project in self.begun if project.startswith(owner)]


async def archived(bus: Bus, project: str) -> None:
    """Record a run of a project, with one archive."""
    of = Aggregate("local", project, "run", f"run-{project.replace('/', '-')}")
    queued = RunQueued(
        environment="production",
        generation=1,
        branch="main",
        sha=SHA,
        repository=REPOSITORY,
        label=project.partition("/")[0],
    )
    await bus.log.append(queued, of=of, id=f"queued:{project}", name=project)
    body = await bus.blobs.put(msgspec.json.encode(spec()))
    fact = RunArchived(function="hello", archive=IMAGE, spec=body, language="python3-http")
    await bus.log.append(fact, of=of, id=f"archived:{project}", name=project)


async def test_a_flood_delays_another_account_by_one_slot(bus: Bus) -> None:
    """Alice pushes to fifty projects, then Bob to one: his build is the next that begins.

    In the order of their coming he would wait for 25 slots.
    """
    images = Slots()
    limits = BuilderSettings(places=PLACES)
    builder = Builder(bus.log, bus.follow, bus.blobs, bus.lines, images, limits)
    for number in range(FLOOD):
        await archived(bus, f"alice/p{number}")

    async with working(bus, builder):
        await eventually(lambda: len(images.begun) > PLACES)
        pushed = time.monotonic()
        await archived(bus, "bob/one")
        await eventually(lambda: images.of("bob"))
        waited = images.of("bob")[0] - pushed
        between = [when for when in images.of("alice") if pushed < when < images.of("bob")[0]]
        images.seconds = 0  # the rest of the flood need not be waited for
        await eventually(lambda: len(images.begun) == FLOOD + 1)

    assert len(between) <= PLACES  # those that began while bob's was on its way through the log
    assert waited < 2 * SLOT, f"{waited * 1000:.0f} ms of slots of {SLOT * 1000:.0f} ms"
    assert len({project for _, project in images.begun}) == FLOOD + 1  # each once


async def test_an_account_builds_so_many_at_once(bus: Bus) -> None:
    """Alice may have one build at a time: the other place is Bob's, though she came first."""
    images = Slots()
    builder = Builder(
        bus.log,
        bus.follow,
        bus.blobs,
        bus.lines,
        images,
        BuilderSettings(places=PLACES),
        allowed=lambda whose: 1 if whose == "local alice" else 0,
    )
    for project in ("alice/one", "alice/two", "alice/three", "bob/one"):
        await archived(bus, project)

    async with working(bus, builder):
        await eventually(lambda: len(images.begun) == 4)

    assert {project for _, project in images.begun[:2]} == {"alice/one", "bob/one"}
    first, second, third = images.of("alice")
    assert min(second - first, third - second) >= SLOT * 0.9
