"""What each consumer has before it, read from a real server."""

from typing import Any

import pytest

from bus import streams
from bus.connection import Bus
from edge.cli.main import run
from edge.cli.top import State, cells, drawn, look, row_of
from edge.cli.workers import DURABLE
from schemas.envelope import Aggregate
from schemas.events.run import RunResolved

RUN = Aggregate("local", "alice/hello", "run", "1")


async def test_what_nobody_reads_is_told(bus: Bus) -> None:
    """A consumer whose process does not run has messages before it; those never made are named."""
    made = [worker for worker in DURABLE if worker.durable in {"planner", "builder"}]
    await streams.ensure(bus.settings, made)
    await bus.log.append(RunResolved(sha="4" * 40, functions=()), of=RUN, id="a")

    rows = {row.consumer: row for row in await look(bus)}

    assert set(rows) == {worker.durable for worker in DURABLE}
    assert (rows["planner"].state, rows["planner"].pending) == ("stopped", 1)
    assert (rows["builder"].state, rows["builder"].stream) == ("idle", "EVENTS")
    assert rows["source"].state == "missing"
    assert drawn(list(rows.values())).row_count == len(DURABLE)


@pytest.mark.parametrize(
    ("info", "state"),
    [
        ({"num_pending": 0, "num_waiting": 1}, "idle"),
        ({"num_pending": 0, "num_ack_pending": 2}, "busy"),
        ({"num_pending": 9, "num_ack_pending": 2}, "behind"),
        ({"num_pending": 9, "num_waiting": 1}, "behind"),
        ({"num_pending": 9}, "stopped"),
    ],
)
def test_a_consumer_s_numbers_have_a_meaning(info: dict[str, Any], state: State) -> None:
    """Stopped is who has messages, holds none, and asks for none."""
    row = row_of("builder", "EVENTS", info, 3)

    assert row.state == state
    assert str(cells(row)[5]) == "3"


def test_it_says_what_to_do_where_nothing_runs(
    tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a Pushline it is an error with a cure, as of every command."""
    assert run(["top", "--home", str(tmp_path)]) == 1
    assert "pushline up" in capsys.readouterr().err
