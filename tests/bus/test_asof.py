"""What stood last in EVENTS at a sequence, by the server's own account."""

import pytest

from bus.asof import TooMany, latest
from bus.connection import Bus
from schemas.envelope import Aggregate
from schemas.events.run import RunBuildStarted
from schemas.subjects import history

RUN = Aggregate("local", "alice/hello", "run", "1")


async def test_it_tells_what_was_last_then(bus: Bus) -> None:
    """Of each subject the newest up to a sequence, whatever came later."""
    for number in range(6):
        await bus.log.append(RunBuildStarted(function=f"f{number}"), of=RUN, id=f"a:{number}")

    [then] = await latest(bus.js, history(RUN), 4)

    assert then == await bus.log.get(4)
    assert [event.seq for event in await latest(bus.js, history(RUN), 6)] == [6]


async def test_nothing_is_no_error(bus: Bus) -> None:
    """Neither before the log's beginning nor under a filter that nothing matches."""
    await bus.log.append(RunBuildStarted(function="f"), of=RUN, id="a")

    assert await latest(bus.js, history(RUN), 0) == []
    assert await latest(bus.js, "ev.github.>", 1) == []


async def test_too_many_subjects_are_said_to_be_so(bus: Bus) -> None:
    """The server tells of 1,024 at most: the answer is an error, never a part."""
    headers = {"ce-type": "x.y/1", "ce-id": "x", "ce-time": "2026-01-01T00:00:00Z"}
    for number in range(1025):
        await bus.js.nats.publish(f"ev.a.b.run.{number}.x", b"{}", headers=headers)
    while await bus.log.head() < 1025:
        await bus.js.nats.flush()

    with pytest.raises(TooMany):
        await latest(bus.js, "ev.>", 1025)
