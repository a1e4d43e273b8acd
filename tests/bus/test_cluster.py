"""A cluster of three: the leader is killed under load, and nothing is lost or twice."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from bus import streams
from bus.connection import Bus, BusSettings, connect
from bus.log import Draft
from schemas import subjects
from schemas.envelope import Aggregate
from schemas.errors import LogUnavailable
from schemas.events.run import RunBuildStarted
from tests.bus.outside import Outside, free_port

RUN = Aggregate("local", "alice/hello", "run", "1")
COUNT = 300
CONFIGURATION = """\
listen: "127.0.0.1:{port}", server_name: "NAME", max_payload: 1MB
jetstream: { store_dir: "{store}", max_file_store: 8GB }
cluster: { name: test, listen: "127.0.0.1:ROUTE", routes: [ROUTES] }
"""


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[dict[str, Outside]]:
    """Yield three servers that know of each other, by name."""
    routes = {f"n{number}": free_port() for number in range(3)}
    known = ", ".join(f'"nats://127.0.0.1:{port}"' for port in routes.values())
    servers = {
        name: Outside(
            tmp_path / name,
            CONFIGURATION.replace("ROUTES", known)
            .replace("ROUTE", str(port))
            .replace("NAME", name),
        )
        for name, port in routes.items()
    }
    try:
        for server in servers.values():
            server.start()
        yield servers
    finally:
        for server in servers.values():
            server.kill()


async def elected(settings: BusSettings) -> None:
    """Make the streams, once the servers have agreed on who leads."""
    async with asyncio.timeout(30):
        while True:
            try:
                await streams.init(settings)
            except LogUnavailable:
                await asyncio.sleep(0.1)
            else:
                return


async def append(bus: Bus, number: int) -> int:
    """Append until the log has taken it; the id is the same each time."""
    while True:
        try:
            return await bus.log.append(
                RunBuildStarted(function=str(number)), of=RUN, id=str(number)
            )
        except LogUnavailable:
            await asyncio.sleep(0.05)


async def test_a_killed_leader_loses_nothing(cluster: dict[str, Outside], tmp_path: Path) -> None:
    """Killed under appends: each fact is stored once, and followed once, in order."""
    urls = ",".join(f"nats://127.0.0.1:{server.port}" for server in cluster.values())
    settings = BusSettings(nats_url=urls, replicas=3, home=tmp_path / "home")
    await elected(settings)
    async with connect(settings, name="test") as bus:
        first = await append(bus, 0)
        info = await bus.js.info("EVENTS")
        assert info is not None
        following = asyncio.create_task(followed(bus))

        appending = [asyncio.create_task(append(bus, number)) for number in range(1, COUNT)]
        await asyncio.wait(appending, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.to_thread(cluster[info["cluster"]["leader"]].kill)
        stored = await asyncio.gather(*appending)

        assert sorted((first, *stored)) == list(range(1, COUNT + 1))
        assert await following == list(range(1, COUNT + 1))
        assert await bus.log.last_seq(subjects.history(RUN)) == COUNT
        both = [Draft(RunBuildStarted(function=str(n)), RUN, str(n)) for n in (COUNT, COUNT + 1)]
        assert await bus.log.append_all(both) == COUNT + 2


async def followed(bus: Bus) -> list[int]:
    """Return the sequences that a follower sees."""
    return [event.seq async for event in bus.follow.events(after=0, until=COUNT)]
