"""Folding to a moment and on to another one, on a real log."""

from datetime import UTC, datetime

import pytest

from bus.connection import Bus
from bus.moments import MomentAhead, MomentInvalid
from edge.cli.state.folds import every
from edge.cli.state.reading import CAUSES, between, sequence, state
from schemas.envelope import Aggregate
from schemas.events.function import FunctionClaimed, FunctionRemoved

PROJECT = "alice/shop"


async def claim(bus: Bus, name: str, label: str = "alice") -> int:
    """Claim a function; return the sequence."""
    of = Aggregate("local", PROJECT, "function", f"production/{name}")
    fact = FunctionClaimed(label, name)
    return await bus.log.append(fact, of=of, id=f"{name}:{label}", name=PROJECT, actor="planner")


async def remove(bus: Bus, name: str) -> int:
    """Remove a function; return the sequence."""
    of = Aggregate("local", PROJECT, "function", f"production/{name}")
    fact = FunctionRemoved("alice", "production", name)
    return await bus.log.append(fact, of=of, id=f"{name}:removed", name=PROJECT)


async def test_the_state_is_that_of_the_sequence(bus: Bus) -> None:
    """What came later is not there yet, what went later still is."""
    await claim(bus, "one")
    two = await claim(bus, "two")
    await remove(bus, "one")

    then = await state(bus, every()["api-functions"], two)
    now = await state(bus, every()["api-functions"], await bus.log.head())

    assert [row["function"] for row in then.values()] == ["one", "two"]
    assert [row["function"] for row in now.values()] == ["two"]
    assert await state(bus, every()["api-functions"], 0) == {}


async def test_a_difference_names_the_events_that_made_it(bus: Bus) -> None:
    """A new row, a changed one and one that is gone, each with its causes; the rest is silent."""
    first = max([await claim(bus, name) for name in ("stays", "goes", "moves")])
    moved = await claim(bus, "moves", "bob")
    gone, new = await remove(bus, "goes"), await claim(bus, "new")

    found = {
        change.key.rpartition("/")[2]: change
        for change in await between(bus, every()["api-functions"], first, new)
    }

    assert {name: [cause.seq for cause in each.causes] for name, each in found.items()} == {
        "moves": [moved],
        "goes": [gone],
        "new": [new],
    }
    assert found["goes"].after is None
    assert found["new"].before is None
    assert found["moves"].before is not None
    assert found["moves"].before["label"] == "alice"
    assert [(cause.type, cause.actor) for cause in found["moves"].causes] == [
        ("function.claimed/1", "planner")
    ]


async def test_what_comes_and_goes_in_between_is_no_difference(bus: Bus) -> None:
    """Only the two moments count."""
    first = await claim(bus, "stays")
    await claim(bus, "brief")

    assert await between(bus, every()["api-functions"], first, await remove(bus, "brief")) == []


async def test_many_causes_are_told_by_the_newest(bus: Bus) -> None:
    """A row that changed a hundred times is one change with few causes."""
    first = await claim(bus, "often")
    last = max([await claim(bus, "often", f"label-{number}") for number in range(CAUSES + 5)])

    [change] = await between(bus, every()["api-functions"], first, last)

    assert [cause.seq for cause in change.causes] == [*range(last - CAUSES + 1, last + 1)]


async def test_moments_of_the_command_line(bus: Bus) -> None:
    """Nothing is now, a number a sequence, a span so long ago; anything else is an error."""
    seq = await claim(bus, "one")

    assert await sequence(bus, "") == seq
    assert await sequence(bus, "1") == 1
    assert await sequence(bus, "2h") == 0
    assert await sequence(bus, datetime.now(UTC).isoformat()) == seq
    with pytest.raises(MomentAhead):
        await sequence(bus, str(seq + 1))
    with pytest.raises(MomentInvalid):
        await sequence(bus, "noon")
