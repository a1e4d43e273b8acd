"""The end of what a build wrote, from a real log."""

from bus.connection import Bus
from consumers.status import turns
from consumers.status.logs import LIMIT, BuildTails
from schemas.subjects import build_log
from tests.consumers.status.story import FORGE, PROJECT, Run, recorded


async def test_the_last_lines_are_whole(bus: Bus) -> None:
    """Of a long log its end, by whole lines; of a build that wrote nothing, nothing."""
    run = Run(1)
    at = turns.queued(recorded(1, "run", run.id, run.queued), run.queued)
    tails, subject = BuildTails(bus.lines), build_log(FORGE, PROJECT, run.id, "a")
    assert await tails.tail(at, "a") == ""

    lines = [f"{number:06} {'é' * 100}" for number in range(2000)]
    await bus.lines.write(subject, lines)
    await bus.lines.write(build_log(FORGE, PROJECT, run.id, "b"), ["another's"])
    kept = (await tails.tail(at, "a")).splitlines()

    assert LIMIT - 300 < len("\n".join(kept).encode()) <= LIMIT
    assert kept == lines[-len(kept) :]
