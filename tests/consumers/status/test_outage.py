"""A forge that is down: no event waits for it, nor does the other; all is told once it is back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import ClassVar

from msgspec.structs import replace

from bus.connection import Bus
from bus.jetstream import patiently
from consumers.forges.asking import ForgeUnavailable
from consumers.forges.doors import SEVERAL, Doors
from consumers.forges.waiting import keep_told
from consumers.status import commits
from consumers.status.consumer import Status
from consumers.status.report import Report
from consumers.status.standing import Standing
from schemas.envelope import Aggregate
from schemas.events.environment import EnvironmentRefused
from schemas.events.status import StatusReportFailed
from tests.bus.workers import eventually, working
from tests.consumers.status.desk import Clock, NoLogs, render
from tests.consumers.status.story import REPOSITORY, Run, sha
from tests.consumers.status.texts.cases import LINKS

MANY = 40


class Hub:
    """A forge that notes what it is told of each project."""

    stages: ClassVar[bool] = True

    def __init__(self, *, down: bool = False) -> None:
        """Be there, or not."""
        self.down, self.asked = down, 0
        self.shown: dict[str, str] = {}

    def reaches(self, at: Standing) -> bool:
        """Let in whoever has a name."""
        return bool(at.repository.name)

    async def tell(self, at: Standing, report: Report, check: str) -> str:
        """Show it."""
        self.asked += 1
        if self.down:
            raise ForgeUnavailable(f"502 instead of {check or 'a check'}")
        self.shown[at.project] = report.saying.conclusion or report.saying.status
        return at.project


@asynccontextmanager
async def telling(bus: Bus, *hubs: Hub) -> AsyncIterator[Status]:
    """Run a process that tells GitHub and GitLab."""
    clock, forges = Clock(), dict(zip(("github", "gitlab"), hubs, strict=True))
    doors = Doors(clock)
    worker = Status(bus.log, commits.fold(), forges, render, NoLogs(), LINKS, clock, doors)
    folding = asyncio.create_task(worker.fold.run(bus.follow))
    stopping = asyncio.Event()
    telling = asyncio.create_task(keep_told(worker, forges, stopping, every=0.02))
    async with working(bus, worker):
        yield worker
    stopping.set()
    await telling
    folding.cancel()


async def pushed(bus: Bus, forge: str, project: str) -> None:
    """Write that a project has a run now."""
    repository = replace(REPOSITORY, owner=f"owner{project}", installation=project)
    run = Run(1, repository=repository)
    of = Aggregate(forge, project, "run", f"{run.id}{project}")
    await bus.log.append(run.queued, of=of, id=f"{forge}:{project}", name=repository.full_name)


async def unfinished(bus: Bus) -> int:
    """Return how many messages the worker has not acknowledged."""
    info = await patiently(lambda: bus.js.consumer("EVENTS", Status.durable))
    assert info
    return int(info["num_ack_pending"]) + int(info["num_pending"])


async def test_a_forge_that_is_down_keeps_nobody_else_waiting(bus: Bus) -> None:
    """Of many commits some ask, no event of them waits; another process tells all afterwards."""
    hub, lab = Hub(down=True), Hub()
    async with telling(bus, hub, lab) as worker:
        for number in range(MANY):
            await pushed(bus, "github", str(number))
        await pushed(bus, "gitlab", "7")
        await eventually(lambda: lab.shown and len(worker.left("github")) == MANY)
        async with asyncio.timeout(15):
            while await unfinished(bus):  # noqa: ASYNC110 - the server does not tell of it
                await asyncio.sleep(0.02)
    asked = hub.asked
    assert SEVERAL <= asked < MANY / 2

    hub.down = False
    async with telling(bus, hub, lab) as worker:
        await eventually(lambda: len(hub.shown) == MANY and not worker.left("github"))

    assert set(hub.shown.values()) == {"queued"}
    assert hub.asked == asked + MANY
    events = bus.follow.events(after=0, until=await bus.log.head())
    failed = [event.fact async for event in events if isinstance(event.fact, StatusReportFailed)]
    assert [(fact.code, fact.waits) for fact in failed] == [("forge_unavailable", True)] * MANY


async def test_a_commit_that_gets_no_preview_says_why(bus: Bus) -> None:
    """Also where nothing of its project has run yet."""
    hub, lab = Hub(), Hub()
    fact = EnvironmentRefused("dev", sha("d"), "there are too many", 1, repository=REPOSITORY)
    of = Aggregate("github", "1296269", "environment", "branch-dev")
    async with telling(bus, hub, lab):
        await bus.log.append(fact, of=of, id="refused", name="Acme/shop")
        await eventually(lambda: hub.shown)

    assert hub.shown == {"1296269": "neutral"}
