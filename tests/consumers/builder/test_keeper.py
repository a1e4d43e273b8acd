"""Keeper, seen by whoever reads a log after LOGS has forgotten it."""

from dataclasses import dataclass

import pytest

from bus.buildlogs import BuildLogs
from bus.connection import Bus
from bus.jetstream import patiently
from bus.objects import DirectoryObjects
from consumers.builder.keeper import Keeper, Outcome
from schemas.envelope import Recorded
from schemas.errors import BlobsUnavailable, ObjectMissing
from schemas.events.run import RunBuildFailed, RunBuilt, RunQueued, RunResolved
from schemas.ids import Digest
from schemas.subjects import build_log
from tests.bus.workers import eventually, working
from tests.consumers.builder.made import REPOSITORY, RUN, SHA

IMAGE: Digest = "sha256:" + "1" * 64
SUBJECT = build_log(RUN.forge, RUN.project, RUN.id, "hello")
BUILT = RunBuilt(function="hello", image=IMAGE, spec=IMAGE)
CACHED = RunBuilt(function="hello", image=IMAGE, spec=IMAGE, cached=True)
FAILED = RunBuildFailed(function="hello", code="build_failed", message="exit code 7")


@dataclass
class Away:
    """Objects that cannot be had for a while."""

    objects: DirectoryObjects
    times: int = 0

    async def write(self, key: str, body: bytes) -> None:
        """Fail as often as told, then write."""
        self.times -= 1
        if self.times >= 0:
            raise BlobsUnavailable("the store is away")
        await self.objects.write(key, body)

    async def read(self, key: str) -> bytes:
        """Return the bytes."""
        return await self.objects.read(key)

    async def has(self, key: str) -> bool:
        """Tell whether it is there."""
        return await self.objects.has(key)

    async def delete(self, key: str) -> None:
        """Remove it."""
        await self.objects.delete(key)


def keeper(bus: Bus) -> Keeper:
    """Return the worker."""
    return Keeper(bus.log, bus.lines, bus.build_logs)


async def ended(bus: Bus, fact: Outcome, *, number: int = 1) -> Recorded[Outcome]:
    """Record a queued run and the end of a build; return that as it stands in the log."""
    queued = RunQueued(
        environment="production",
        generation=1,
        branch="main",
        sha=SHA,
        repository=REPOSITORY,
        label="alice",
    )
    await bus.log.append(queued, of=RUN, id="planner:test:queued")
    await bus.log.append(fact, of=RUN, id=f"builder:test:{number}")
    found = await bus.log.last(RUN, type(fact))
    assert found
    return found


async def kept(bus: Bus, sha: str = SHA) -> str:
    """Return the log that is kept."""
    return (await bus.build_logs.read(REPOSITORY.full_name, sha, "hello")).decode()


@pytest.mark.parametrize("fact", [BUILT, FAILED])
async def test_the_whole_log_is_kept_under_the_predecessor_s_key(bus: Bus, fact: Outcome) -> None:
    """Every line of a build that has ended, well or not, once more when delivered twice."""
    await bus.lines.write(SUBJECT, [f"line {number}" for number in range(5000)])
    await bus.lines.write(SUBJECT, ["the lást"])
    event = await ended(bus, fact)

    await keeper(bus).handle(event)
    await keeper(bus).handle(event)

    expected = [f"line {number}" for number in range(5000)] + ["the lást"]
    assert (await kept(bus)).splitlines() == expected
    key = f"pipeline/{REPOSITORY.full_name}/{SHA}/hello/build.log"
    assert (await bus.objects.read(key)).endswith("the lást\n".encode())


async def test_the_commit_is_the_one_that_was_built(bus: Bus) -> None:
    """Where the source asked the forge for the head, the log stands under that commit."""
    event = await ended(bus, BUILT)
    head = "1" * 40
    await bus.log.append(
        RunResolved(sha=head, functions=("hello",)), of=RUN, id="source:test:resolved"
    )
    await bus.lines.write(SUBJECT, ["hello"])

    await keeper(bus).handle(event)

    assert await kept(bus, head) == "hello\n"
    with pytest.raises(ObjectMissing):
        await kept(bus)


async def test_a_cached_build_leaves_the_real_one_s_log(bus: Bus) -> None:
    """The same commit in another environment is built at once and has nothing to say."""
    await bus.lines.write(SUBJECT, ["compiling", "done"])
    await keeper(bus).handle(await ended(bus, BUILT))
    await bus.lines.write(SUBJECT, ["unchanged"])
    await keeper(bus).handle(await ended(bus, CACHED, number=2))
    assert await kept(bus) == "compiling\ndone\n"


async def test_a_build_without_lines_has_no_log(bus: Bus) -> None:
    """Nothing was printed, or LOGS has forgotten it: what was kept before stays."""
    await bus.build_logs.write(REPOSITORY.full_name, SHA, "hello", b"before\n")
    await keeper(bus).handle(await ended(bus, BUILT))
    assert await kept(bus) == "before\n"


@pytest.mark.weakness(14)
async def test_a_store_that_is_down_delays_the_log_alone(bus: Bus) -> None:
    """The log waits until the store is back; nothing is given up, nothing delivered again."""
    away = Away(DirectoryObjects(bus.settings.home / "objects"), times=2)
    worker = Keeper(bus.log, bus.lines, BuildLogs(away, "pipeline"))
    await bus.lines.write(SUBJECT, ["hello"])
    async with working(bus, worker):
        await ended(bus, BUILT)
        await eventually(lambda: away.times < 0, within=20)
        info = await patiently(lambda: bus.js.consumer("EVENTS", "keeper"))
    assert info
    assert info["delivered"]["consumer_seq"] == 1
    assert await kept(bus) == "hello\n"
    assert await bus.deadletters.list() == []
