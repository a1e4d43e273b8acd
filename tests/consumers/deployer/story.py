"""What happens before the deployer's turn, and a platform in memory."""

import asyncio
from dataclasses import dataclass, field

import msgspec

from bus.connection import Bus
from consumers.deployer.consumer import Deployer
from consumers.deployer.platform import Revision, Running
from schemas.envelope import Aggregate, Recorded
from schemas.events import Event
from schemas.events.function import (
    FunctionClaimed,
)
from schemas.events.run import RunBuilt, RunQueued
from schemas.repository import Repository
from schemas.route import PREFIX
from schemas.stack_spec import FunctionSpec

FUNCTION = Aggregate("local", "alice/hello", "function", "production/hello")
REPOSITORY = Repository("alice", "hello", "main")
IMAGE = "sha256:" + "1" * 64
REFERENCE = f"127.0.0.1:5000/alice/hello@{IMAGE}"
SHA = "abcdef0" + "0" * 33


@dataclass
class FakePlatform:
    """Runs revisions in memory; may be told to fail."""

    revisions: dict[str, Revision] = field(default_factory=dict)
    deploys: list[str] = field(default_factory=list)
    fails: Exception | None = None
    every: float = 0.5
    before: asyncio.Event | None = None  # waited for before a revision is ready
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    async def deploy(self, revision: Revision) -> Running:
        """Run it."""
        self.deploys.append(revision.id)
        self.begun.set()
        if self.before is not None:
            await self.before.wait()
        if self.fails is not None:
            raise self.fails
        self.revisions[revision.key] = revision
        return Running(f"unix:{revision.id}.sock", 7)

    async def retire(self, key: str) -> None:
        """Run it no more."""
        self.revisions.pop(key, None)

    async def running(self) -> frozenset[str]:
        """Return what runs."""
        return frozenset(self.revisions)


class Story:
    """Writes what happens before the deployer's turn."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.platform = FakePlatform()
        self.deployer = Deployer(bus.log, bus.blobs, self.platform)

    async def claim(self) -> None:
        """Give the name to the project."""
        await self.bus.log.append(FunctionClaimed("alice", "hello"), of=FUNCTION, id="claim")

    async def built(
        self, generation: int, sha: str = SHA, **annotations: str
    ) -> Recorded[RunBuilt]:
        """Queue a run of this generation and build its one function."""
        run = Aggregate("local", "alice/hello", "run", f"01RUN{generation}")
        queued = RunQueued(
            environment="production",
            generation=generation,
            branch="main",
            sha=sha,
            repository=REPOSITORY,
            label="alice",
        )
        spec = FunctionSpec(
            name="hello",
            language="exec",
            handler=".",
            environment={"A": "1"},
            fprocess="cat",
            annotations={PREFIX + name: value for name, value in annotations.items()},
        )
        digest = await self.bus.blobs.put(msgspec.json.encode(spec))
        await self.bus.log.append(queued, of=run, id=f"queued:{generation}")
        built = RunBuilt(function="hello", image=IMAGE, spec=digest, reference=REFERENCE)
        await self.bus.log.append(built, of=run, id=f"built:{generation}")
        found = await self.bus.log.last(run, RunBuilt)
        assert found is not None
        return found

    async def facts(self) -> list[Event]:
        """Return what the log says about the function."""
        until_ = await self.bus.log.head()
        events = self.bus.follow.events(after=0, until=until_)
        return [event.fact async for event in events if event.of == FUNCTION]
