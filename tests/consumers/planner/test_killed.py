"""A planner that dies at any step, and two planners at once."""

import asyncio
from typing import Any, ClassVar

from bus.log import EventLog
from consumers.planner.consumer import Planner
from schemas.envelope import Recorded
from schemas.events import Event
from schemas.events.branch import BranchPushed
from schemas.events.function import FunctionClaimed
from schemas.events.run import RunFinished, RunQueued, RunSuperseded
from schemas.events.tenant import TenantLabelled
from tests.consumers.planner.deployer import deployed, failed, place
from tests.consumers.planner.office import Office, office, sha


class Killed(BaseException):
    """The process is gone."""


class MortalLog(EventLog):
    """Dies once, before or after an append: what was appended last may be stored."""

    def __init__(self, log: EventLog, steps: int) -> None:
        """Live for ``steps`` half appends."""
        super().__init__(log._js, log._publisher, log._water)  # noqa: SLF001 - the same ones
        self.steps = steps

    def _step(self) -> None:
        self.steps -= 1
        if self.steps == -1:  # once
            raise Killed

    async def append_all(self, *args: Any, **kwargs: Any) -> int:
        """Append, and die before or after it."""
        self._step()
        seq = await super().append_all(*args, **kwargs)
        self._step()
        return seq

    async def append(self, *args: Any, **kwargs: Any) -> int:
        """Append, and die before or after it."""
        self._step()
        seq = await super().append(*args, **kwargs)
        self._step()
        return seq


class Reborn(Planner):
    """A planner that dies once; its event is delivered again to one that lives."""

    durable: ClassVar[str] = "planner"

    async def handle(self, event: Recorded[Event]) -> None:
        """Handle, and once more after death."""
        try:
            await super().handle(event)
        except Killed:
            await super().handle(event)


async def story(desk: Office, project: str) -> list[Event]:
    """Push twice, fail one function of two; return what the planner wrote of it."""
    await desk.push(f"{project}-1", 0, 1, project=project)
    await desk.resolve((await desk.facts(RunQueued))[-1], "a", "b")
    await desk.push(f"{project}-2", 1, 2, project=project)
    run = (await desk.facts(RunQueued))[-1]
    await desk.resolve(run, "a", "b")
    await desk.write(failed(run), place("a", project))
    await desk.write(deployed(run, "b"), place("b", project))
    await desk.plan()
    kinds = (RunQueued, RunSuperseded, RunFinished, FunctionClaimed)
    return [event.fact for event in await desk.facts(*kinds) if event.of.project == project]


async def test_killed_between_any_two_steps(desk: Office) -> None:
    """Killed before or after any append it goes on where it was; nothing is lost or twice."""
    deaths = 0
    for steps in range(16):
        log = MortalLog(desk.bus.log, steps)
        desk.planner = Reborn(log, desk.folds)

        facts = await story(desk, f"t{steps}/hello")

        deaths += log.steps < 0
        queues = [fact for fact in facts if isinstance(fact, RunQueued)]
        assert [(queue.generation, queue.sha) for queue in queues] == [(1, sha(1)), (2, sha(2))]
        assert len([fact for fact in facts if isinstance(fact, RunSuperseded)]) == 1
        claims = [fact.function for fact in facts if isinstance(fact, FunctionClaimed)]
        assert claims == ["a", "b"]
        ends = [fact.outcome for fact in facts if isinstance(fact, RunFinished)]
        assert ends == ["partly"]
    assert deaths >= 8, "label, two runs, the claims and the end were each died at"


async def test_two_planners_at_once(desk: Office) -> None:
    """Two instances handle the same pushes in opposite orders: one sequence of generations."""
    async with office(desk.bus) as other:
        for commit in range(1, 9):
            await desk.deliver(str(commit), commit - 1, commit)
        pushes = await desk.facts(BranchPushed)

        async def handle(planner: Planner, events: list[Recorded[BranchPushed]]) -> None:
            for event in events:
                await planner.handle(event)

        await asyncio.gather(
            handle(Planner(desk.bus.log, desk.folds), pushes),
            handle(Planner(other.bus.log, other.folds), pushes[::-1]),
        )

    runs = await desk.facts(RunQueued)
    assert [(run.fact.generation, run.fact.sha, run.fact.push) for run in runs] == [
        (number, sha(number), push.seq) for number, push in enumerate(pushes, 1)
    ]
    superseded = await desk.facts(RunSuperseded)
    assert [event.of.id for event in superseded] == [run.of.id for run in runs[:-1]]
    assert len(await desk.facts(TenantLabelled)) == 1


async def test_many_tenants_at_once_share_no_label(desk: Office) -> None:
    """Tenants whose logins have the same slug are labelled by two planners at the same time."""
    async with office(desk.bus) as other:
        owners = ["a_b", "a.b", "A-b", "a--b"]
        for number, owner in enumerate(owners):
            await desk.deliver(str(number), 0, 1, project=f"{owner}/hello")
        pushes = await desk.facts(BranchPushed)

        await asyncio.gather(
            *(Planner(desk.bus.log, desk.folds).handle(push) for push in pushes),
            *(Planner(other.bus.log, other.folds).handle(push) for push in pushes),
        )

    labels = [event.fact.label for event in await desk.facts(TenantLabelled)]
    assert sorted(labels) == ["a-b", "a-b-2", "a-b-3", "a-b-4"]
    assert len(await desk.facts(RunQueued)) == len(owners)
