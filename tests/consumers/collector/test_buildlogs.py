"""Whole logs of builds go after their days, and no others; on a real log and real objects."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bus.buildlogs import BuildLogs
from bus.connection import Bus
from bus.objects import DirectoryObjects
from consumers.collector import buildlogs
from consumers.collector.buildlogs import OldLogs
from schemas.envelope import Aggregate
from schemas.events import Event
from schemas.events.function import FunctionDeployed, FunctionRemoved
from schemas.events.log import LogCollected
from schemas.events.run import RunBuildFailed, RunBuilt, RunFinished, RunQueued
from schemas.repository import Repository

NAME, DIGEST = "acme/shop", "sha256:" + "1" * 64
DAYS = 90


@dataclass
class Archive:
    """A project whose builds leave logs."""

    bus: Bus
    old: OldLogs
    logs: BuildLogs
    runs: int = 0

    async def write(self, fact: Event, kind: str, id: str) -> None:
        """Record a fact."""
        of = Aggregate("github", "1", kind, id)
        await self.bus.log.append(fact, of=of, id=f"test:{await self.bus.log.head()}", name=NAME)

    async def built(self, sha: str, *, live: bool = True, ends: bool = True) -> None:
        """Have a run build a commit, well or not."""
        self.runs += 1
        run = f"run{self.runs}"
        of_run = Repository("acme", "shop", "main")
        queued = RunQueued("production", self.runs, "main", sha, of_run, "acme")
        await self.write(queued, "run", run)
        await self.logs.write(NAME, sha, "fn", b"a line\n")
        if not live:
            await self.write(RunBuildFailed("fn", "exit", "1"), "run", run)
        else:
            await self.write(RunBuilt("fn", DIGEST, DIGEST), "run", run)
            deployed = FunctionDeployed(
                run=run,
                generation=self.runs,
                revision=f"r{self.runs}",
                image=DIGEST,
                spec=DIGEST,
                sha=sha,
                label="acme",
                environment="production",
                function="fn",
                upstream="unix:fn.sock",
            )
            await self.write(deployed, "function", "production/fn")
        if ends:
            await self.write(RunFinished("live" if live else "failed"), "run", run)

    async def there(self) -> list[str]:
        """Return the first letters of the commits whose logs are there."""
        return [one for one in "abcdef" if await self.logs.has(NAME, one * 40, "fn")]


@pytest.fixture
async def archive(bus: Bus, tmp_path: Path) -> AsyncIterator[Archive]:
    """Yield a project whose logs are all old, and of which two revisions are kept."""
    fold, logs = buildlogs.fold(), BuildLogs(DirectoryObjects(tmp_path), "pipeline")
    later = datetime.now(UTC) + timedelta(days=DAYS, minutes=1)
    old = OldLogs(bus.log, fold, logs, 2, timedelta(days=DAYS), now=lambda: later)
    following = asyncio.create_task(fold.run(bus.follow))
    yield Archive(bus, old, logs)
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)


async def test_old_logs_go_but_those_of_kept_revisions_stay(archive: Archive) -> None:
    """Each goes once; the fact says which, and a removed function keeps none."""
    for sha in "abc":
        await archive.built(sha * 40)
    await archive.built("d" * 40, live=False)

    assert (await archive.old.step(), await archive.old.step()) == (2, 0)
    assert await archive.there() == ["b", "c"]
    gone = await archive.bus.log.last(
        Aggregate("github", "1", "log", f"{'a' * 40}/fn"), LogCollected
    )
    assert gone is not None
    assert gone.fact.repository == NAME

    removed = FunctionRemoved("acme", "production", "fn", "gone")
    await archive.write(removed, "function", "production/fn")
    assert await archive.old.step() == 2
    assert await archive.there() == []


async def test_a_younger_log_stays(archive: Archive) -> None:
    """Whatever became of its build."""
    await archive.built("a" * 40, live=False)
    young = OldLogs(archive.bus.log, archive.old.fold, archive.logs, 2, timedelta(days=DAYS))

    assert await young.step() == 0
    assert await archive.there() == ["a"]


async def test_nothing_goes_while_a_run_is_open(archive: Archive) -> None:
    """It may be about to write that very log once more."""
    await archive.built("a" * 40, live=False)
    await archive.built("a" * 40, live=False, ends=False)

    assert await archive.old.step() == 0
    assert await archive.there() == ["a"]


async def test_a_commit_built_again_after_all_has_its_log(archive: Archive) -> None:
    """A deletion that was recorded says nothing of a log that is named later."""
    await archive.built("a" * 40, live=False)
    assert await archive.old.step() == 1
    await archive.built("a" * 40)

    assert await archive.old.step() == 0
    assert await archive.there() == ["a"]
