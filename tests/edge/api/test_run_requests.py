"""Runs are cancelled and done again by HTTP: what is asked, and what is refused at once."""

from collections.abc import AsyncIterator

import pytest

from bus.connection import Bus
from edge.auth.people import PLATFORM
from schemas.envelope import Aggregate
from schemas.events import Event
from schemas.events.run import (
    RunArchived,
    RunCancelRequested,
    RunFinished,
    RunQueued,
    RunRerunRequested,
)
from schemas.ids import run_id
from schemas.repository import Repository
from tests.edge.api.serving import Serving, serving
from tests.edge.auth.entering import person

NAME, SHA, DIGEST = "alice/hello", "a" * 40, "sha256:" + "1" * 64
MIA = person("mia", "member")
OLD, NEW = "01JD8Z6Q5V0000000000000001", "01JD8Z6Q5V0000000000000002"


@pytest.fixture
async def served(bus: Bus) -> AsyncIterator[Serving]:
    """Yield the API with a run that has ended and a newer one under way."""
    async with serving(bus) as served:
        await queue(served, OLD, 1)
        await write(served, OLD, RunFinished("live"))
        await queue(served, NEW, 2)
        yield served


async def queue(served: Serving, run: str, generation: int) -> None:
    """Queue a run."""
    hello = Repository("alice", "hello", "main")
    await write(served, run, RunQueued("production", generation, "main", SHA, hello, "alice"))


async def write(served: Serving, run: str, fact: Event) -> None:
    """Write a fact about a run."""
    await served.write(fact, Aggregate("local", NAME, "run", run), name=NAME)


async def test_a_cancel_is_one_fact_with_its_actor(served: Serving) -> None:
    """Asked twice, answered the same."""
    first = await served.ask(MIA, "POST", f"/api/runs/{NEW}/cancel")
    again = await served.ask(PLATFORM, "POST", f"/api/runs/{NEW}/cancel")

    assert (first.status, first.json) == (200, again.json)
    event = await served.bus.log.get(first.json["seq"])
    assert (event.fact, event.of.id, event.actor) == (RunCancelRequested(), NEW, "github:mia")
    assert (event.name, event.run) == (NAME, NEW)


async def test_a_rerun_says_which_run_there_will_be(served: Serving) -> None:
    """The id that the planner will give it."""
    await write(served, NEW, RunFinished("failed"))
    asked = (await served.ask(MIA, "POST", f"/api/runs/{NEW}/rerun")).json

    event = await served.bus.log.get(asked["seq"])
    assert (event.fact, event.actor) == (RunRerunRequested(), "github:mia")
    assert asked["run"] == run_id(event.id, event.time)


@pytest.mark.parametrize(
    ("way", "run", "says"),
    [
        ("cancel", OLD, "is live already"),
        ("rerun", OLD, f"{NEW} is a newer run of production"),
        ("rerun", NEW, "is queued"),
    ],
)
async def test_what_cannot_be_is_said_at_once(
    served: Serving, way: str, run: str, says: str
) -> None:
    """409 with the state; nothing is written."""
    head = await served.bus.log.head()
    answer = await served.ask(MIA, "POST", f"/api/runs/{run}/{way}")

    assert (answer.status, answer.json["code"]) == (409, "run_state")
    assert says in answer.json["detail"]
    assert await served.bus.log.head() == head


async def test_a_run_that_builds_can_be_cancelled(served: Serving) -> None:
    """Until it has begun to deploy."""
    await write(served, NEW, RunArchived("hello", DIGEST, DIGEST, "python3"))

    assert (await served.ask(MIA, "POST", f"/api/runs/{NEW}/cancel")).status == 200
