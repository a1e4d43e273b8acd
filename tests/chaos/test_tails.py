"""Tails, while the log's server is killed under load: every event once, in order."""

import asyncio
import json
from pathlib import Path

from tests.laptop import laptop
from tests.tails import all_saw, flood, killed, watching

EVENTS, RATE, KILLS = 500, 250, 2  # `python -m tests.bench tail` does more of the same
VERIFY = ("--whole", "--log", "--json")


def test_tails_lose_and_repeat_nothing_while_the_server_is_killed(tmp_path: Path) -> None:
    """Two terminals and a browser each show what the log has, in its order."""
    with laptop(tmp_path) as here:

        async def looked_on() -> None:
            async with watching(here, 0) as watchers:
                killing = asyncio.create_task(killed(here, KILLS, pause=0.5))
                appended = await flood(here, EVENTS, RATE)
                await killing
                await all_saw(here, watchers, appended)
            assert len(appended) == EVENTS
            for watcher in watchers:
                assert watcher.seqs == list(range(1, watcher.last + 1)), watcher.name

        asyncio.run(looked_on())
        (verified,) = map(json.loads, here.pushline("audit", "verify", *VERIFY).splitlines())

    assert verified["verified"] > EVENTS
    assert verified["log"]
