"""Artefacts that nobody needs go, and no others; on a real log."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bus.connection import Bus
from consumers.collector import artefacts
from consumers.collector.artefacts import Made
from consumers.collector.clearing import Clearing
from schemas.envelope import Aggregate
from schemas.errors import BlobsUnavailable
from schemas.events import Event
from schemas.events.archive import ArchiveCollected
from schemas.events.function import FunctionDeployed, FunctionRemoved
from schemas.events.image import ImageCollected
from schemas.events.run import RunArchived, RunBuilt, RunFinished, RunQueued
from schemas.repository import Repository

LATER = timedelta(days=2)


def digest(text: str) -> str:
    """Return a digest that one can read."""
    return "sha256:" + text.encode().hex().rjust(64, "0")


@dataclass
class Cupboard:
    """Shelves that note what is taken from them."""

    taken: list[str] = field(default_factory=list)
    away: bool = False
    deletes: bool = True

    async def delete(self, made: Made) -> bool:
        """Note it; fail while the store is away."""
        if self.away:
            raise BlobsUnavailable("the store is away")
        self.taken.append(f"{made.kind} {made.digest}")
        return self.deletes or made.kind != "image"


@dataclass
class House:
    """A project that builds."""

    bus: Bus
    clearing: Clearing
    cupboard: Cupboard
    runs: int = 0

    async def write(self, fact: Event, kind: str, id: str, project: str) -> None:
        """Record a fact."""
        of = Aggregate("github", project, kind, id)
        await self.bus.log.append(fact, of=of, id=f"test:{await self.bus.log.head()}")

    async def build(self, text: str, *, project: str = "1", deployed: bool = True) -> str:
        """Have a run make artefacts called ``text``; return the run, which is left open."""
        self.runs += 1
        run, named = f"run{self.runs}", digest(text)
        repository = Repository("acme", "shop", "main")
        queued = RunQueued("production", self.runs, "main", "0" * 40, repository, "acme")
        spec = digest(f"spec {text}")
        await self.write(queued, "run", run, project)
        await self.write(RunArchived("fn", digest(f"tar {text}"), spec, "go"), "run", run, project)
        await self.write(RunBuilt("fn", named, spec), "run", run, project)
        if deployed:
            live = FunctionDeployed(
                run=run,
                generation=self.runs,
                revision=f"r{self.runs}",
                image=named,
                spec=spec,
                sha="0" * 40,
                label="acme",
                environment="production",
                function="fn",
                upstream="unix:fn.sock",
            )
            await self.write(live, "function", "production/fn", project)
        return run

    async def release(self, text: str, **how: Any) -> None:
        """Build, and have the run end."""
        project = how.get("project", "1")
        await self.write(RunFinished("live"), "run", await self.build(text, **how), project)

    async def gone(self) -> set[str]:
        """Return what the log says is collected."""
        events = self.bus.follow.events(after=0, until=await self.bus.log.head())
        kinds = (ArchiveCollected, ImageCollected)
        return {event.of.id async for event in events if isinstance(event.fact, kinds)}


@pytest.fixture
async def house(bus: Bus) -> AsyncIterator[House]:
    """Yield a house in which two revisions are kept, two days later."""
    async with living(bus) as house:
        yield house


@asynccontextmanager
async def living(bus: Bus) -> AsyncIterator[House]:
    """Yield a house whose fold follows the log."""
    fold, cupboard = artefacts.fold(), Cupboard()
    following = asyncio.create_task(fold.run(bus.follow))
    clearing = Clearing(bus.log, fold, cupboard, keep=2, now=lambda: datetime.now(UTC) + LATER)
    try:
        yield House(bus, clearing, cupboard)
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


def all_of(text: str) -> set[str]:
    """Return the three artefacts of a build."""
    return {digest(text), digest(f"tar {text}"), digest(f"spec {text}")}


async def test_what_is_behind_the_kept_revisions_goes(house: House) -> None:
    """Of three revisions the oldest one's archive, spec and image go, each once."""
    for text in ("one", "two", "three"):
        await house.release(text)

    assert await house.clearing.step() == 3
    assert await house.clearing.step() == 0
    assert await house.gone() == all_of("one")
    assert len(house.cupboard.taken) == 3


async def test_nothing_goes_while_a_run_is_open(house: House) -> None:
    """A run that has not ended may be about to name what lies there: it holds everything."""
    for text in ("one", "two", "three"):
        await house.release(text)
    run = await house.build("one", project="2", deployed=False)
    assert await house.clearing.step() == 0

    await house.write(RunFinished("failed"), "run", run, "2")
    await house.clearing.step()

    assert await house.gone() == all_of("one")


async def test_young_artefacts_and_those_of_others_stay(house: House) -> None:
    """What was named a moment ago stays, and what another project's revision needs."""
    await house.release("one", project="2")
    for text in ("one", "two", "three"):
        await house.release(text)
    await house.clearing.step()
    assert await house.gone() == set()

    await house.write(FunctionRemoved("acme", "production", "fn"), "function", "production/fn", "2")
    house.clearing.now = lambda: datetime.now(UTC)
    await house.clearing.step()
    assert await house.gone() == set()
    house.clearing.now = lambda: datetime.now(UTC) + LATER
    await house.clearing.step()
    assert await house.gone() == all_of("one")


async def test_removed_function_leaves_nothing(house: House) -> None:
    """With a function all of its artefacts go, a day after it: it may have been draining."""
    await house.release("one")
    await house.write(FunctionRemoved("acme", "production", "fn"), "function", "production/fn", "1")
    await house.clearing.step()

    assert await house.gone() == all_of("one")


async def test_store_that_is_away_loses_no_work(house: House) -> None:
    """What could not be deleted is not recorded as gone, and goes when the store is back."""
    for text in ("one", "two", "three"):
        await house.release(text)
    house.cupboard.away = True
    assert await house.clearing.step() == 0
    assert await house.gone() == set()

    house.cupboard.away = False
    assert await house.clearing.step() == 3


async def test_what_was_collected_and_is_built_again_counts_anew(house: House) -> None:
    """The same bytes built again are known again, and collected again when nobody needs them."""
    for text in ("one", "two", "three", "one"):
        await house.release(text)
        await house.clearing.step()
    assert await house.gone() == all_of("one") | all_of("two")

    for text in ("four", "five"):
        await house.release(text)
    assert await house.clearing.step() == 6


async def test_registry_that_deletes_nothing_is_asked_once(house: House) -> None:
    """Its images are recorded as kept there, and not asked for again."""
    house.cupboard.deletes = False
    for text in ("one", "two", "three"):
        await house.release(text)
    await house.clearing.step()
    await house.clearing.step()

    found = await house.bus.log.last(
        Aggregate("github", "1", "image", digest("one")), ImageCollected
    )
    assert found
    assert not found.fact.deleted
    assert len(house.cupboard.taken) == 3
