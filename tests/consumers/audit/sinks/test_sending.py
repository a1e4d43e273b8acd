"""Sending: in order, at least once, resumed, and each sink by itself."""

from pathlib import Path

import pytest

from consumers.audit.sinks import State
from consumers.audit.sinks.settings import Stdout
from tests.bus.workers import eventually
from tests.consumers.audit.sinks.running import AWAY, FakeSink, Growing

FIRST = Stdout(name="one", begin="first")


@pytest.fixture
def growing(tmp_path: Path) -> Growing:
    """Return an empty record."""
    return Growing(tmp_path / "record.jsonl")


def state(growing: Growing, name: str = "one") -> State:
    """Return what is kept of a sink."""
    found = State.read(growing.file.path, name)
    assert found
    return found


def at(growing: Growing, name: str = "one") -> int:
    """Return how far a sink has come, -1 where it has not begun."""
    found = State.read(growing.file.path, name)
    return found.seq if found else -1


async def test_records_come_once_and_in_order_over_restarts(growing: Growing) -> None:
    """What was taken before a stop is not sent again after it."""
    sink = FakeSink()
    await growing.grow(25)
    async with growing.sending((FIRST, sink)):
        await eventually(lambda: len(sink.taken) == 25)
        await eventually(lambda: at(growing) == 25)
    await growing.grow(10)
    async with growing.sending((FIRST, sink)):
        await eventually(lambda: len(sink.taken) == 35)
        await growing.grow(1)
        await eventually(lambda: len(sink.taken) == 36)

    assert sink.seqs == list(range(1, 37))


async def test_a_dead_sink_delays_only_itself(growing: Growing) -> None:
    """Its neighbour has everything at once; it gets everything in order when it is back."""
    dead, alive = FakeSink(), FakeSink()
    dead.error = AWAY
    await growing.grow(30)

    async with growing.sending((FIRST, dead), (Stdout(name="two", begin="first"), alive)):
        await eventually(lambda: len(alive.taken) == 30)
        await eventually(lambda: dead.tried > 3)
        await eventually(lambda: state(growing).attempts > 2)  # it has failed before
        failing = state(growing)
        dead.error = None
        await eventually(lambda: len(dead.taken) == 30)
        await eventually(lambda: at(growing) == 30)

    assert dead.seqs == alive.seqs == list(range(1, 31))
    assert (failing.seq, failing.error) == (0, "answered 503")
    assert failing.failing is not None
    assert state(growing).failing is None
    assert state(growing).error == ""


async def test_an_error_of_any_kind_is_tried_again_and_tells_no_secret(growing: Growing) -> None:
    """A disk that is full, a defect: the sink goes on; others' words are not shown."""
    sink = FakeSink()
    sink.error = ValueError("https://hooks.example/secret-path")
    await growing.grow(1)

    async with growing.sending((FIRST, sink)):
        await eventually(lambda: sink.tried > 1)
        assert state(growing).error == "ValueError"
        sink.error = OSError(28, "No space left on device")
        await eventually(lambda: state(growing).error == "OSError: No space left on device")
        sink.error = None
        await eventually(lambda: sink.seqs == [1])


async def test_a_new_sink_begins_where_it_is_told(growing: Growing) -> None:
    """Now: nothing of before; first: everything."""
    now, first = FakeSink(), FakeSink()
    await growing.grow(5)

    async with growing.sending((Stdout(name="now"), now), (FIRST, first)):
        await eventually(lambda: at(growing, "now") == 5)
        await eventually(lambda: len(first.taken) == 5)
        await growing.grow(2)
        await eventually(lambda: len(now.taken) == 2)

    assert now.seqs == [6, 7]


async def test_filters_let_through_what_they_name(growing: Growing) -> None:
    """Kinds by pattern, projects, actors; what is passed over counts as seen."""
    kinds, actors, projects = FakeSink(), FakeSink(), FakeSink()
    await growing.grow(3, "alice")
    await growing.grow(3, "bob")

    async with growing.sending(
        (Stdout(name="k", begin="first", events=("run.*",)), kinds),
        (Stdout(name="a", begin="first", actors=("bob",)), actors),
        (Stdout(name="p", begin="first", projects=("alice/other",)), projects),
    ):
        await eventually(lambda: len(kinds.taken) == 6)
        await eventually(lambda: actors.seqs == [4, 5, 6])
        await eventually(lambda: at(growing, "p") == 6)

    assert projects.taken == []


async def test_a_record_made_anew_is_sent_from_its_beginning(
    growing: Growing, tmp_path: Path
) -> None:
    """The sink's place was in another record: nothing of this one is left out."""
    sink = FakeSink()
    await growing.grow(5)
    async with growing.sending((FIRST, sink)):
        await eventually(lambda: at(growing) == 5)
    growing.file.close()
    growing.file.path.unlink()
    other = Growing(tmp_path / "record.jsonl")
    await other.grow(8, "somebody else")

    async with other.sending((FIRST, sink)):
        await eventually(lambda: len(sink.taken) == 13)

    assert sink.seqs == [*range(1, 6), *range(1, 9)]


async def test_a_damaged_state_is_told_and_begun_again(growing: Growing) -> None:
    """At least once: who does not know where it was sends what there is."""
    sink = FakeSink()
    await growing.grow(3)
    (growing.file.path.parent / "sinks").mkdir()
    (growing.file.path.parent / "sinks" / "one.json").write_text("{")

    async with growing.sending((FIRST, sink)):
        await eventually(lambda: sink.seqs == [1, 2, 3])
