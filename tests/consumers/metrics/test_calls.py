"""What functions were asked: each part once, over starts, and of so many functions."""

import asyncio
from pathlib import Path

import pytest

from bus.connection import Bus
from bus.usage import Counted
from consumers.metrics import calls
from consumers.metrics.calls import MOST, NAME, OTHER, Asked, Calls, count
from schemas import subjects
from schemas.usage import Usage
from tests.bus.workers import eventually

HELLO = subjects.usage("local", "alice/shop", "production/hello")


def part(subject: str, id: str, invocations: int = 1) -> Counted:
    """Return one part of a minute."""
    return Counted(subject, id, Usage(7, invocations, 1, {17: invocations}))


def test_a_part_that_is_repeated_counts_once() -> None:
    """Routers repeat what was not acknowledged, and the server forgets ids in two minutes."""
    counted = Calls()
    for seq, id in enumerate(("r:1", "r:2", "r:1"), 1):
        counted.add(seq, part(HELLO, id, 3))

    assert counted.functions == {("local:alice/shop", "production/hello"): Asked(6, 2)}
    assert sum(counted.latency.counts) == 6
    assert counted.seq == 3


def test_there_are_so_many_series_and_no_more() -> None:
    """Who calls a thousand functions does not fill Prometheus: the later ones are one series."""
    counted = Calls()
    for number in range(MOST + 50):
        subject = subjects.usage("local", "alice/shop", f"production/f{number}")
        counted.add(number + 1, part(subject, f"r:{number}"))

    assert len(counted.functions) == MOST + 1
    assert counted.functions[OTHER] == Asked(50, 50)


def test_a_shortened_name_stands_for_itself() -> None:
    """A subject holds 64 characters of a name, the rest as a digest."""
    subject = subjects.usage("local", "a/b", "production/" + "f" * 80)

    assert calls.named(subject) == ("local:a/b", subject.rpartition(".")[2])


async def test_counts_go_on_where_they_were(
    bus: Bus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that is killed and started again counts what came meanwhile, and nothing twice."""
    monkeypatch.setattr(calls, "EVERY", 0.01)
    await bus.usage.write(HELLO, Usage(7, 5), id="r:1")
    first = Calls()
    counting = asyncio.create_task(count(bus, first, tmp_path))
    await eventually((tmp_path / NAME).exists)
    counting.cancel()
    await asyncio.wait((counting,))
    await bus.usage.write(HELLO, Usage(8, 2), id="r:2")

    second = Calls()
    counting = asyncio.create_task(count(bus, second, tmp_path))
    await eventually(lambda: second.seq == 2)
    counting.cancel()

    assert second.functions == {("local:alice/shop", "production/hello"): Asked(7)}


@pytest.mark.parametrize("spoilt", [b"{", b'{"log":"another"}', None])
def test_a_file_that_does_not_fit_is_passed_over(tmp_path: Path, spoilt: bytes | None) -> None:
    """Damaged, of another shape, or of another log: counting begins anew."""
    counted = Calls()
    counted.add(1, part(HELLO, "r:1"))
    body = counted.saved("another log") if spoilt is None else spoilt
    (tmp_path / NAME).write_bytes(body)

    fresh = Calls()
    fresh.load(tmp_path / NAME, "this log")

    assert (fresh.functions, fresh.seq) == ({}, 0)
