"""EventLog and DeliveryLog against a real server."""

from bus.connection import Bus
from schemas.envelope import Aggregate
from schemas.events.run import RunBuildStarted, RunSuperseded

RUN = Aggregate("local", "alice/hello", "run", "01JD8Z6Q5V0000000000000000")


async def test_append_answers_with_the_sequence(bus: Bus) -> None:
    """Facts get consecutive sequences, and are read back whole."""
    first = await bus.log.append(RunSuperseded(by="x"), of=RUN, id="a", actor="planner")
    second = await bus.log.append(RunBuildStarted(function="f"), of=RUN, id="b")

    assert (first, second, await bus.log.head()) == (1, 2, 2)
    event = await bus.log.get(1)
    assert (event.of, event.id, event.actor, event.run) == (RUN, "a", "planner", RUN.id)
    async for e in bus.follow.events(after=0, until=2):
        print(e)
