"""Denials: an attack leaves a trace and no flood, and a router can write nothing else."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from bus import streams
from bus.connection import Bus, connect
from bus.server import NatsServer
from edge.auth.denials import AFTER, MOST, Denials
from schemas.envelope import Aggregate
from schemas.errors import AccessDenied, LogUnavailable
from schemas.events import Event
from schemas.events.session import SessionDenied, SessionSignedOut
from tests.edge.auth.test_desk import facts


class Away:
    """A log that takes so many facts, and is gone."""

    def __init__(self, takes: int) -> None:
        """Take this many."""
        self.left = takes
        self.taken: list[Event] = []

    async def append(self, fact: Event, *, of: Aggregate, id: str, actor: str = "") -> int:  # noqa: ARG002
        """Take a fact, or say that nobody answers."""
        if not self.left:
            raise LogUnavailable("gone")
        self.left -= 1
        self.taken.append(fact)
        return 1


def attack(denials: Denials, networks: int, times: int) -> None:
    """Be turned away so often from each network."""
    for number in range(networks * times):
        source = f"10.{number % networks}.0.0/24"
        denials.note("credentials", "invoke", "alice/production/x", source=source)


async def test_the_same_denial_counts_up(bus: Bus) -> None:
    """A thousand wrong tokens of one network are one fact, which says a thousand."""
    denials = Denials()
    attack(denials, 1, 1000)
    await denials.record(bus.log)

    (fact,) = await facts(bus, SessionDenied)
    assert fact == SessionDenied(
        "credentials", "invoke", "alice/production/x", "", "10.0.0.0/24", 1000
    )


async def test_many_kinds_are_bounded_and_none_is_lost(bus: Bus) -> None:
    """However many networks: so many facts a round, the last stands for the rest."""
    denials = Denials()
    attack(denials, 200, 5)
    await denials.record(bus.log)

    found = await facts(bus, SessionDenied)
    assert len(found) == MOST + 1
    assert sum(fact.times for fact in found if isinstance(fact, SessionDenied)) == 1000
    assert denials.waiting == {}


async def test_an_outage_of_the_log_loses_none() -> None:
    """What was stored is not told twice, what was not is told in the next round."""
    denials, away = Denials(), Away(3)
    attack(denials, 5, 2)
    await denials.record(away)
    attack(denials, 5, 1)
    back = Away(100)
    await denials.record(back)

    told = [fact.times for fact in (*away.taken, *back.taken) if isinstance(fact, SessionDenied)]
    assert len(away.taken) == 3
    assert sum(told) == 15


async def test_the_first_denial_is_recorded_soon(bus: Bus) -> None:
    """After a quiet time nobody waits for the round of a minute."""
    denials = Denials()
    running = asyncio.create_task(denials.run(bus.log))
    denials.note("forbidden", "read", "github/alice", source="here", user="github:2")
    async with asyncio.timeout(AFTER + 5):
        while not await facts(bus, SessionDenied):  # noqa: ASYNC110 - the log has no event for it
            await asyncio.sleep(0.05)
    running.cancel()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    """Yield a server that knows roles."""
    made = NatsServer(tmp_path / "home")
    made.start()
    yield made
    made.stop()


async def test_a_router_may_write_denials_and_nothing_else(server: NatsServer) -> None:
    """Whoever takes a router over can sign nobody in, and nobody out."""
    await streams.init(server.settings("init"))
    async with connect(server.settings("router"), name="router") as bus:
        denials = Denials()
        attack(denials, 1, 1)
        await denials.record(bus.log)
        assert len(await facts(bus, SessionDenied)) == 1
    with pytest.raises(AccessDenied):
        await sign_out(server)


async def sign_out(server: NatsServer) -> None:
    """Try to sign somebody out, as a router."""
    async with connect(server.settings("router"), name="router") as bus:
        out = SessionSignedOut("github:1", everywhere=True)
        await bus.log.append(out, of=Aggregate("", "", "session", "s"), id="x")
