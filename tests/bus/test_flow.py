"""Flow: a reader that does not keep up, and messages over the server's limit."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bus import streams
from bus.connection import Bus, BusSettings, connect
from schemas.errors import LogUnavailable
from tests.bus.outside import Outside

CONFIGURATION = """\
listen: "127.0.0.1:{port}", max_payload: 256KB, max_pending: 32MB, write_deadline: "300ms"
jetstream: { store_dir: "{store}", max_file_store: 8GB }
"""
SUBJECT = "log.build.local.p.r.f"
COUNT = 400
LINE = "x" * 60_000


@pytest.fixture
def impatient(tmp_path: Path) -> Iterator[Outside]:
    """Yield a server that soon drops whoever does not read."""
    server = Outside(tmp_path / "nats", CONFIGURATION)
    server.start()
    yield server
    server.kill()


async def test_a_reader_that_was_dropped_goes_on_where_it_was(
    impatient: Outside, tmp_path: Path
) -> None:
    """Held up over the server's deadline it is dropped; then each message still comes once."""
    settings = BusSettings(nats_url=f"nats://127.0.0.1:{impatient.port}", home=tmp_path / "home")
    await streams.init(settings)
    async with connect(settings, name="test") as bus:
        for number in range(COUNT):
            await bus.lines.write(SUBJECT, [f"{number}:{LINE}"])
        seen: list[int] = []
        held = None
        async for line in bus.lines.read(SUBJECT):
            if len(seen) == 1:
                held = bus.follow._wire._held  # noqa: SLF001 - nobody is told whether it was dropped
                time.sleep(1.2)  # noqa: ASYNC251 - the process is held up, as by a burst of work
            seen.append(int(line.text.partition(":")[0]))

        assert seen == list(range(COUNT))
        assert held is not None
        assert held.closed.done()


async def test_what_is_too_large_for_the_server_leaves_the_others(
    impatient: Outside, tmp_path: Path
) -> None:
    """A message over max_payload is refused before it is sent; the connection lives on."""
    settings = BusSettings(nats_url=f"nats://127.0.0.1:{impatient.port}", home=tmp_path / "home")
    await streams.init(settings)
    async with connect(settings, name="test") as bus:
        assert await stored(bus, b"small") == 1
        held = bus.publisher._wire._held  # noqa: SLF001
        with pytest.raises(LogUnavailable, match="too many for the log, which takes 262144"):
            await bus.publisher.publish("delivery.github.l", b"x" * 300_000, {})
        small = await asyncio.gather(*(stored(bus, b"small") for _ in range(20)))

        assert sorted(small) == list(range(2, 22))
        assert bus.publisher._wire._held is held  # noqa: SLF001


async def stored(bus: Bus, body: bytes) -> int:
    """Return the sequence that a delivery was given."""
    return (await bus.publisher.publish("delivery.github.s", body, {})).seq
