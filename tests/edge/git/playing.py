"""Playing the other workers: the test writes the facts that a push would lead to."""

import asyncio
from collections.abc import Mapping

from bus.connection import Bus
from schemas.envelope import Aggregate, Delivery, Recorded
from schemas.events import Event
from schemas.events.branch import BranchPushed
from schemas.events.function import FunctionDeployed, FunctionDeployStarted
from schemas.events.run import RunBuildStarted, RunBuilt, RunFinished, RunQueued
from schemas.ids import event_id, run_id
from schemas.repository import Repository

PROJECT = "alice/hello"
REPOSITORY = Repository("alice", "hello", "main")
DIGEST = "sha256:" + "0" * 64


class Mailbox:
    """DELIVERIES, which tells the test of each delivery that was stored."""

    def __init__(self, bus: Bus) -> None:
        """Store on the bus."""
        self.bus = bus
        self.stored: asyncio.Queue[Delivery] = asyncio.Queue()

    async def store(self, forge: str, id: str, headers: Mapping[str, str], body: bytes) -> int:
        """Store, then tell."""
        seq = await self.bus.deliveries.store(forge, id, headers, body)
        self.stored.put_nowait(await self.bus.deliveries.get(seq))
        return seq

    async def next(self) -> Delivery:
        """Return the next delivery."""
        return await asyncio.wait_for(self.stored.get(), 20)


class Workers:
    """Intake, planner, source, builder and deployer in one, each fact on demand."""

    def __init__(self, bus: Bus) -> None:
        """Write to the bus."""
        self.bus = bus
        self.run = ""
        self.sha = "1" * 40
        self._count = 0

    async def write(
        self, fact: Event, of: Aggregate, cause: Recorded[Event] | Delivery | None = None
    ) -> Recorded[Event]:
        """Append a fact and return it as it stands in the log."""
        self._count += 1
        source = cause.event_id if isinstance(cause, Delivery) else getattr(cause, "id", "test")
        id = event_id("test", source, fact, str(self._count))
        run = self.run if of.kind != "branch" else ""
        return await self.bus.log.get(
            await self.bus.log.append(fact, of=of, id=id, cause=cause, run=run)
        )

    async def queue(self, delivery: Delivery, *, generation: int = 1) -> None:
        """Translate a delivery and queue its run."""
        branch = Aggregate("local", PROJECT, "branch", "main")
        fact = BranchPushed("main", "0" * 40, self.sha, REPOSITORY, "alice")
        pushed = await self.write(fact, branch, delivery)
        self.run = run_id(pushed.id, pushed.time)
        queued = RunQueued("production", generation, "main", self.sha, REPOSITORY, "alice")
        await self.write(queued, self.of_run, pushed)

    @property
    def of_run(self) -> Aggregate:
        """Return the run."""
        return Aggregate("local", PROJECT, "run", self.run)

    @property
    def of_function(self) -> Aggregate:
        """Return the function."""
        return Aggregate("local", PROJECT, "function", "production/hello")

    async def of(self, *facts: Event) -> None:
        """Write facts about the run or its function."""
        for fact in facts:
            kind = fact.__class__.__name__
            await self.write(fact, self.of_function if kind[:8] == "Function" else self.of_run)

    async def deploy(self) -> None:
        """Build and deploy the function hello, and finish the run."""
        await self.of(
            RunBuildStarted("hello"),
            RunBuilt("hello", DIGEST, DIGEST, cached=True),
            FunctionDeployStarted(self.run, 1, "r1", DIGEST),
            FunctionDeployed(
                run=self.run,
                generation=1,
                revision="r1",
                image=DIGEST,
                spec=DIGEST,
                sha=self.sha,
                label="alice",
                environment="production",
                function="hello",
                upstream="unix:fn-1.sock",
            ),
            RunFinished("live"),
        )
