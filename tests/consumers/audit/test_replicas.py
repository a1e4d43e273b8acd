"""Replicas of the audit, killed at random: one chain, whatever happens to who writes it."""

import asyncio
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import msgspec

from bus.connection import Bus
from consumers.audit.file import last_line
from consumers.audit.record import checked
from consumers.audit.verify import Mark, compare, verify
from schemas.events.audit import AuditAnchored
from schemas.events.run import RunFinished
from tests.bus.workers import eventually
from tests.consumers.audit.chain import RUN
from tests.laptop import ROOT

SCRIPT = Path(__file__).with_name("process.py")
KILLS = 4


class Replica:
    """A process that writes a record, and is killed now and then."""

    def __init__(self, bus: Bus, record: Path) -> None:
        """Start it."""
        self._record = record
        home = record.parent / f"{id(self)}"
        self._command = [
            sys.executable, str(SCRIPT), bus.settings.nats_url, str(home), str(record),
        ]  # fmt: skip
        self.start()

    def start(self) -> None:
        """Start it, again."""
        self.process = subprocess.Popen(self._command, cwd=ROOT, env={"PYTHONPATH": str(ROOT)})

    def has(self, seq: int) -> bool:
        """Tell whether its record has come to a sequence."""
        return reached(self._record) >= seq

    def kill(self) -> None:
        """End it in the middle of whatever it does."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)


@contextmanager
def replicas(bus: Bus, *records: Path) -> Iterator[list[Replica]]:
    """Yield a process for each record; none of them is left."""
    made = [Replica(bus, record) for record in records]
    try:
        yield made
    finally:
        for one in made:
            one.kill()


async def append(bus: Bus, first: int, last: int) -> None:
    """Append facts with these numbers, several at a time."""
    facts = [RunFinished(outcome="live", message=str(n)) for n in range(first, last + 1)]
    places = [msgspec.structs.replace(RUN, id=f"r{n}") for n in range(first, last + 1)]
    await asyncio.gather(
        *(
            bus.log.append(fact, of=of, id=f"test:{fact.message}", actor="alice")
            for fact, of in zip(facts, places, strict=True)
        )
    )


async def killed_at_random(bus: Bus, running: list[Replica]) -> None:
    """Append, and kill one or the other meanwhile."""
    chance = random.Random(7)
    for number in range(KILLS):
        begin = number * 60
        appending = asyncio.create_task(append(bus, begin + 1, begin + 60))
        victim = chance.choice(running)
        await eventually(partial(victim.has, begin + chance.randint(0, 55)), within=30)
        victim.kill()
        await appending
        victim.start()


def reached(path: Path) -> int:
    """Return the last sequence in a record."""
    text = last_line(path)[1] if path.exists() else b""
    return checked(text, None).seq if text else 0


async def whole(bus: Bus, path: Path) -> int:
    """Return how many records there are, each equal to its event's."""
    stored = bus.follow.stored(after=0, until=reached(path))
    return (await compare(verify(path, Mark()), stored, Mark())).seq


async def test_two_in_one_home_write_one_chain(bus: Bus, tmp_path: Path) -> None:
    """The one that is killed is followed by the one that stood by; nothing is torn or doubled."""
    path = tmp_path / "record.jsonl"
    with replicas(bus, path, path) as running:
        await killed_at_random(bus, running)
        await eventually(lambda: reached(path) > KILLS * 60, within=60)

    assert await whole(bus, path) == reached(path)


async def test_two_homes_have_the_same_chain(bus: Bus, tmp_path: Path) -> None:
    """Both anchor, neither twice, and their files agree to the byte as far as both have come."""
    one, two = tmp_path / "one.jsonl", tmp_path / "two.jsonl"
    with replicas(bus, one, two) as running:
        await killed_at_random(bus, running)
        await eventually(lambda: min(reached(one), reached(two)) > KILLS * 60, within=60)

    bodies = sorted((one.read_bytes(), two.read_bytes()), key=len)
    shared = bodies[0][: bodies[0].rindex(b"\n") + 1]
    assert bodies[1].startswith(shared)
    assert await whole(bus, one) > KILLS * 60
    events = bus.follow.events(after=0, until=await bus.log.head())
    said = [event.fact.seq async for event in events if isinstance(event.fact, AuditAnchored)]
    assert len(said) > 1
    assert said == sorted(set(said))
