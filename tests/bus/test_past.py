"""The past: folds as they were, folded once for all who ask, kept so that it stays quick."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from bus import moments, past
from bus.connection import Bus
from bus.fold import Fold
from bus.moments import MomentAhead, MomentInvalid
from bus.past import Past, PastBusy
from schemas.envelope import Aggregate, Recorded
from schemas.errors import Gap
from schemas.events import Event
from schemas.events.run import RunBuildStarted

PATIENCE = 30.0


class Count(msgspec.Struct, frozen=True):
    """How many builds a run has begun, and when the last of them."""

    builds: int
    last: int


def key(event: Recorded[Event]) -> str | None:
    """Return the run."""
    return event.of.id


def reduce(row: Count | None, event: Recorded[Event]) -> Count | None:
    """Count; pure."""
    return Count(1 if row is None else row.builds + 1, event.seq)


def first_letter(event: Recorded[Event]) -> str | None:
    """Return what another fold has as its key."""
    return event.of.id[:1]


def counts() -> tuple[Fold[Count], Fold[Count]]:
    """Return two folds of the same log."""
    return (
        Fold("counts", row=Count, key=key, reduce=reduce),
        Fold("letters", row=Count, key=first_letter, reduce=reduce),
    )


def event(seq: int) -> Recorded[Event]:
    """Return the event of a sequence."""
    of = Aggregate("local", "alice/hello", "run", f"{'abc'[seq % 3]}{seq % 7}")
    return Recorded(RunBuildStarted("hello"), of, f"event:{seq}", seq, datetime.now(UTC))


class Told:
    """A log in memory that counts who reads what, and can be made slow."""

    def __init__(self, head: int) -> None:
        """Have events up to ``head``."""
        self.reads: list[tuple[int, int | None]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.head = head
        self.born = "first"
        self.opened = asyncio.Event()
        self.closed = asyncio.Event()

    async def identity(self) -> str:
        """Return which log this is."""
        return self.born

    async def batches(
        self, *, after: int, until: int | None = None
    ) -> AsyncGenerator[list[Recorded[Event]], None]:
        """Yield events a hundred at a time."""
        assert until is not None
        self.reads.append((after, until))
        self.opened.set()
        try:
            for start in range(after + 1, until + 1, 100):
                await self.gate.wait()
                yield [event(seq) for seq in range(start, min(start + 100, until + 1))]
        finally:
            self.closed.set()


def expected(seq: int) -> list[dict[str, Count]]:
    """Return the rows of both folds, folded plainly."""
    folds = counts()
    for fold in folds:
        fold.apply([event(each) for each in range(1, seq + 1)])
    return [fold.rows for fold in folds]


@pytest.fixture
def near(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep states on disk at distances that a test can walk."""
    monkeypatch.setattr(past, "APART", 1000)


@pytest.mark.parametrize("seq", [0, 1, 999, 1000, 1001, 4321])
@pytest.mark.usefixtures("near")
async def test_rows_are_those_of_that_sequence(tmp_path: Path, seq: int) -> None:
    """Whatever is kept on the way, the state is that of the first ``seq`` events, and no other."""
    there = Past(counts(), Told(5000), tmp_path)
    await there.at(2500)

    state = await there.at(seq)

    assert [fold.rows for fold in state] == expected(seq)
    assert {fold.seq for fold in state} == {seq}
    async with asyncio.timeout(PATIENCE):
        await state[0].reached(seq)


@pytest.mark.usefixtures("near")
async def test_a_later_moment_goes_on_from_an_earlier_one(tmp_path: Path) -> None:
    """What was folded is not read again: by this process, and by the next."""
    source = Told(9000)
    there = Past(counts(), source, tmp_path)
    await there.at(2300)
    await there.at(2300)
    await there.at(2400)
    assert source.reads == [(0, 1000), (1000, 2000), (2000, 2300), (2300, 2400)]

    source.reads.clear()
    state = await Past(counts(), source, tmp_path).at(2310)
    assert source.reads == [(2000, 2310)]
    assert [fold.rows for fold in state] == expected(2310)


@pytest.mark.usefixtures("near")
async def test_a_state_is_nobody_elses(tmp_path: Path) -> None:
    """Going on from a remembered state leaves it as it was."""
    there = Past(counts(), Told(9000), tmp_path)
    earlier = await there.at(50)

    await there.at(90)

    assert [fold.rows for fold in earlier] == expected(50)
    assert await there.at(50) is earlier


@pytest.mark.usefixtures("near")
async def test_few_states_lie_on_disk_however_long_the_log(tmp_path: Path) -> None:
    """Their distance doubles with the log, those too close go."""
    there = Past(counts(), Told(40_000), tmp_path)

    await there.at(7500)
    few = {path.name for path in tmp_path.iterdir()}
    await there.at(39_500)
    many = {path.name for path in tmp_path.iterdir()}

    assert few == {str(n) for n in range(1000, 8000, 1000)}
    assert many == {"8000", "16000", "24000", "32000"}


async def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The state that nobody asked for the longest is forgotten first."""
    monkeypatch.setattr(past, "REMEMBERED", 2)
    source = Told(100)
    there = Past(counts(), source, None)
    for seq in (10, 20, 10, 30):
        await there.at(seq)
    source.reads.clear()

    await there.at(10)
    await there.at(20)

    assert source.reads == [(10, 20)]


async def test_all_who_ask_at_once_share_one_folding() -> None:
    """Fifty requests for a moment read the log once."""
    source = Told(1000)
    there = Past(counts(), source, None)

    states = await asyncio.gather(*(there.at(900) for _ in range(50)))

    assert source.reads == [(0, 900)]
    assert all(state is states[0] for state in states)


async def test_it_is_given_up_when_the_last_has_left() -> None:
    """A caller who leaves takes nothing from the others; with the last one the reading ends."""
    source = Told(1000)
    source.gate.clear()
    there = Past(counts(), source, None)
    callers = [asyncio.create_task(there.at(900)) for _ in range(2)]
    async with asyncio.timeout(PATIENCE):
        await source.opened.wait()
    callers[0].cancel()
    await asyncio.wait([callers[0]])
    assert not source.closed.is_set()

    callers[1].cancel()
    await asyncio.wait(callers)
    async with asyncio.timeout(PATIENCE):
        await source.closed.wait()

    source.gate.set()
    assert [fold.rows for fold in await there.at(900)] == expected(900)


async def test_too_much_at_once_is_refused() -> None:
    """Moments queue up to a limit; what is refused says so, and the others are answered."""
    source = Told(1000)
    source.gate.clear()
    there = Past(counts(), source, None)
    waiting = [asyncio.create_task(there.at(seq)) for seq in range(1, past.WAITING + 1)]
    await asyncio.sleep(0)

    with pytest.raises(PastBusy, match="are being folded"):
        await there.at(500)

    source.gate.set()
    states = await asyncio.gather(*waiting)
    assert [state[0].seq for state in states] == [*range(1, past.WAITING + 1)]


async def test_what_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for ever for a log that does not answer."""
    monkeypatch.setattr(past, "WITHIN", 0.05)
    source = Told(1000)
    source.gate.clear()

    with pytest.raises(PastBusy, match="takes longer"):
        await Past(counts(), source, None).at(900)


async def test_an_error_is_told_to_all_and_tried_again() -> None:
    """A gap stops the folding; the next request reads anew."""

    class Broken(Told):
        async def batches(
            self, *, after: int, until: int | None = None
        ) -> AsyncGenerator[list[Recorded[Event]], None]:
            async with aclosing(super().batches(after=after, until=until)) as batches:
                async for batch in batches:
                    if self.born == "first":
                        raise Gap("after 100 came 102")
                    yield batch

    source = Broken(1000)
    there = Past(counts(), source, None)
    said = await asyncio.gather(there.at(900), there.at(900), return_exceptions=True)
    assert [type(each) for each in said] == [Gap, Gap]

    source.born = "healed"
    assert (await there.at(900))[0].rows == expected(900)[0]


@pytest.mark.parametrize("damage", ["another log", "cut", "missing", "of another release"])
@pytest.mark.usefixtures("near")
async def test_a_state_that_cannot_be_trusted_is_not_used(tmp_path: Path, damage: str) -> None:
    """What lies on disk is checked: its bytes, its code and its log; the log has everything."""
    source = Told(5000)
    await Past(counts(), source, tmp_path).at(2500)
    stone = tmp_path / "2000" / "counts.json"
    match damage:
        case "another log":
            source.born = "second"
        case "cut":
            stone.write_bytes(stone.read_bytes()[:-7])
        case "missing":
            stone.unlink()
        case _:
            stone.write_bytes(stone.read_bytes().replace(b"counts:", b"counts:0"))

    state = await Past(counts(), source, tmp_path).at(2500)

    assert [fold.rows for fold in state] == expected(2500)
    assert source.reads[3] == ((0, 1000) if damage == "another log" else (1000, 2000))


async def test_the_present_needs_no_reading() -> None:
    """At the very sequence that the running folds have come to, they are copied."""
    folds = counts()
    for fold in folds:
        fold.apply([event(seq) for seq in range(1, 101)])
    source = Told(100)

    state = await Past(folds, source, None).at(100)
    for fold in folds:
        fold.apply([event(101)])

    assert source.reads == []
    assert [fold.rows for fold in state] == expected(100)


@pytest.mark.usefixtures("near")
async def test_a_full_disk_costs_speed_and_no_answer(tmp_path: Path) -> None:
    """Where states cannot be kept they are folded anew."""
    (tmp_path / "no-folder").write_text("")

    state = await Past(counts(), Told(3000), tmp_path / "no-folder").at(2500)

    assert [fold.rows for fold in state] == expected(2500)


async def test_a_time_means_what_the_log_had_by_then(bus: Bus) -> None:
    """Times are found on the server: before all, between two, exactly, and after all."""
    before = datetime.now(UTC)
    assert await bus.moments.sequence(before) == 0
    taken = []
    for number in range(3):
        await asyncio.sleep(0.01)
        seq = await bus.log.append(
            RunBuildStarted("hello"), of=event(number).of, id=f"moment:{number}"
        )
        message = await bus.js.message("EVENTS", seq=seq)
        assert message is not None
        taken.append(datetime.fromisoformat(message.time))

    almost = timedelta(milliseconds=5)
    assert [await bus.moments.sequence(time - almost) for time in taken] == [0, 1, 2]
    assert [await bus.moments.sequence(time + almost) for time in taken] == [1, 2, 3]
    assert await bus.moments.sequence(before - timedelta(days=900)) == 0
    assert await bus.moments.sequence(2) == 2
    for ahead in (4, datetime.now(UTC) + timedelta(days=1)):
        with pytest.raises(MomentAhead, match=r"yet to come.*ends with 3|ends with 3.*yet to come"):
            await bus.moments.sequence(ahead)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("0", 0),
        ("1842", 1842),
        ("2026-01-31T12:00:00Z", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31T13:00:00+01:00", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31T13:00:00 01:00", datetime(2026, 1, 31, 12, tzinfo=UTC)),
    ],
)
def test_moments_as_people_write_them(text: str, moment: int | datetime) -> None:
    """A sequence or a time with a zone, the plus lost in a URL or not."""
    assert moments.parse(text) == moment


@pytest.mark.parametrize(
    "text",
    ["", "-1", "1.5", "yesterday", "2026-01-31T12:00:00", "9" * 30, "²", "2026-13-01T00:00Z"],
)
def test_no_moment_is_told_with_its_shapes(text: str) -> None:
    """What is neither says how to write one."""
    with pytest.raises(MomentInvalid) as raised:
        moments.parse(text)

    assert raised.value.hint == moments.SHAPES
