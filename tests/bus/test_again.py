"""Dead letters redriven: the consumer that failed takes the message where it stands."""

import asyncio
from typing import Any

import msgspec
import pytest

from bus.connection import Bus
from bus.letters import LetterSettled, drop, led_to, letters, open_letters, outcome, redrive
from bus.stack import stack
from schemas.envelope import Aggregate, Recorded
from schemas.errors import BuildFailed, EngineUnavailable
from schemas.events import Event
from schemas.events.deadletter import DeadletterDropped, DeadletterHandled, DeadletterRedriven
from schemas.events.run import RunBuildStarted, RunSuperseded
from tests.bus.workers import Recorder, run, settled, started, working


class Mended:
    """What fails until it is mended."""

    def __init__(self) -> None:
        self.broken = True

    async def react(self, _: Recorded[Any]) -> None:
        """Fail for good, until mended."""
        if self.broken:
            raise BuildFailed("no Dockerfile", hint="add one")


async def events(bus: Bus) -> list[Recorded[Event]]:
    """Return the whole log."""
    return [event async for event in bus.follow.events(after=0, until=await bus.log.head())]


async def test_a_letter_redriven_is_handled_by_who_failed(bus: Bus) -> None:
    """No event is repeated: two facts about the letter, and the old message handled once more."""
    world = Mended()
    worker = Recorder(world.react)
    async with working(bus, worker):
        seq = await started(bus, "a")
        await settled(bus)
        (letter,) = await open_letters(bus)
        assert (letter.key, letter.hint) == (f"recorder:EVENTS:{seq}", "add one")
        world.broken = False

        redriven = await redrive(bus, letter, actor="op")
        assert await outcome(bus, letter, redriven) is None

    assert worker.seen == ["a", "a"]
    _, pointer, handled = await events(bus)
    assert pointer.fact == DeadletterRedriven("recorder", "EVENTS", seq)
    assert pointer.of == Aggregate("local", "alice/hello", "deadletter", letter.key)
    assert (pointer.actor, pointer.cause) == ("op", "started:1:a")
    assert (handled.fact, handled.cause) == (DeadletterHandled(), pointer.id)
    (known,) = await letters(bus)
    assert (known.state, known.by) == ("handled", "op")


async def test_two_operators_at_once_have_it_handled_once(bus: Bus) -> None:
    """The letter's history is the guard; who comes later with another wish is told."""
    world = Mended()
    worker = Recorder(world.react)
    async with working(bus, worker):
        await started(bus, "a")
        await settled(bus)
        (letter,) = await open_letters(bus)
        world.broken = False

        seqs = await asyncio.gather(*(redrive(bus, letter, actor=who) for who in ("a", "b", "c")))
        assert await outcome(bus, letter, seqs[0]) is None
        with pytest.raises(LetterSettled, match="before"):
            await drop(bus, letter, "enough", actor="d")

    assert len(set(seqs)) == 1
    assert worker.seen == ["a", "a"]


async def test_one_that_fails_again_is_a_new_letter_that_says_so(bus: Bus) -> None:
    """And that one can be redriven, to the same message."""
    world = Mended()
    worker = Recorder(world.react)
    async with working(bus, worker):
        await started(bus, "a")
        await settled(bus)
        (first,) = await open_letters(bus)

        failed = await outcome(bus, first, await redrive(bus, first, actor="op"))
        assert failed is not None
        assert (failed.again, failed.event) == (first.key, "started:1:a")
        assert await open_letters(bus) == [failed]

        world.broken = False
        assert await outcome(bus, failed, await redrive(bus, failed, actor="op")) is None

    assert worker.seen == ["a", "a", "a"]
    assert [letter.state for letter in await letters(bus)] == ["redriven", "handled"]


async def test_it_has_attempts_of_its_own(bus: Bus) -> None:
    """What fails for the moment is tried again, as when it was delivered first."""
    failures = iter([BuildFailed("x"), EngineUnavailable("down"), EngineUnavailable("down")])

    async def react(_: object) -> None:
        if (error := next(failures, None)) is not None:
            raise error

    worker = Recorder(react)
    async with working(bus, worker):
        await started(bus, "a")
        await settled(bus)
        (letter,) = await open_letters(bus)
        assert await outcome(bus, letter, await redrive(bus, letter, actor="op")) is None

    assert worker.seen == ["a"] * 4
    assert await open_letters(bus) == []


async def test_a_letter_of_the_server_s_is_like_any_other(bus: Bus) -> None:
    """The worker died in each attempt: the server's advisory is redriven to the same worker."""
    worker = Recorder()
    async with working(bus, worker):
        seq = await started(bus, "a")
        await settled(bus)
        advisory = {
            "stream": "EVENTS",
            "consumer": "recorder",
            "stream_seq": seq,
            "deliveries": 12,
            "timestamp": "2026-11-25T12:00:00Z",
        }
        subject = "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.EVENTS.recorder"
        await bus.js.publish(subject, msgspec.json.encode(advisory), {})
        (letter,) = await open_letters(bus)
        assert (letter.key, letter.code) == (f"recorder:EVENTS:{seq}", "attempts_used_up")

        assert await outcome(bus, letter, await redrive(bus, letter, actor="op")) is None

    assert worker.seen == ["a", "a"]
    assert await open_letters(bus) == []


async def test_what_it_led_to_is_told(bus: Bus) -> None:
    """The facts that the message caused since, and no others."""
    world = Mended()

    async def react(event: Recorded[Any]) -> None:
        await world.react(event)
        await bus.log.append(RunSuperseded("x"), of=event.of, id="led", cause=event)

    async with working(bus, Recorder(react)):
        await started(bus, "a")
        await settled(bus)
        (letter,) = await open_letters(bus)
        world.broken = False
        at = await redrive(bus, letter, actor="op")
        assert await outcome(bus, letter, at) is None
        await started(bus, "b")

    assert [event.id for event in await led_to(bus, letter, at)] == ["led"]


async def test_a_letter_can_be_dropped(bus: Bus) -> None:
    """With a reason; it is open no more, and cannot be redriven."""
    async with working(bus, Recorder(Mended().react)):
        await started(bus, "a")
        await settled(bus)
        (letter,) = await open_letters(bus)
        await drop(bus, letter, "the repository is gone", actor="op")

    assert await open_letters(bus) == []
    assert (await events(bus))[-1].fact == DeadletterDropped("the repository is gone")
    with pytest.raises(LetterSettled):
        await redrive(bus, letter, actor="op")


async def test_other_consumers_pass_over_it(bus: Bus) -> None:
    """A pointer at another's message is acknowledged, and leads to nothing."""
    worker = Recorder()
    async with working(bus, worker):
        seq = await started(bus, "a")
        fact = DeadletterRedriven("builder", "EVENTS", seq)
        of = Aggregate("", "", "deadletter", f"builder:EVENTS:{seq}")
        await bus.log.append(fact, of=of, id="elsewhere")
        await started(bus, "b")
        await settled(bus)

    assert worker.seen == ["a", "b"]
    assert len(await events(bus)) == 3


@pytest.mark.parametrize(("seq", "code"), [(99, "event_missing"), (1, "not_read")])
async def test_a_pointer_at_nothing_becomes_a_letter(bus: Bus, seq: int, code: str) -> None:
    """A message that is gone, or of a kind that the consumer never reads: said, not retried."""
    worker = Recorder()
    fact = DeadletterDropped("something that nobody reads")
    await bus.log.append(fact, of=Aggregate("", "", "deadletter", "x"), id="x")
    async with working(bus, worker):
        pointer = DeadletterRedriven("recorder", "EVENTS", seq)
        of = Aggregate("", "", "deadletter", f"recorder:EVENTS:{seq}")
        at = await bus.log.append(pointer, of=of, id="pointer")
        async with asyncio.timeout(10):
            while (letter := await bus.deadletters.about("EVENTS", at)) is None:  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    assert (letter.code, letter.attempts) == (code, 1)
    assert worker.seen == []


async def test_poison_among_a_thousand_blocks_nobody(bus: Bus) -> None:
    """One message that cannot be read, one that always fails: two letters, 998 handled."""

    async def react(event: Recorded[RunBuildStarted]) -> None:
        if event.fact.function == "poison":
            raise BuildFailed("no")

    worker = Recorder(react, places=50)
    names = [*(str(number) for number in range(499)), "poison"]
    await asyncio.gather(*(started(bus, name, name) for name in names))
    subject = f"ev.local.alice=2Fhello.run.{run('bad').id}.build-started"
    bad = {"Nats-Msg-Id": "bad", "ce-id": "bad", "ce-type": "run.build-started/1"}
    await bus.js.publish(subject, b"{", bad)
    await asyncio.gather(*(started(bus, str(name), str(name)) for name in range(499, 998)))

    async with working(bus, worker):
        await settled(bus, within=30)

    assert sorted(worker.seen) == sorted(["poison", *map(str, range(998))])
    assert sorted(letter.code for letter in await open_letters(bus)) == [
        "build_failed",
        "undecodable",
    ]


def test_a_stack_tells_our_own_lines_and_no_values() -> None:
    """Files, lines and types, also of what led to it; the error's text may be a secret."""

    def fail() -> None:
        try:
            int("hunter2")
        except ValueError as error:
            raise BuildFailed("hunter2") from error

    with pytest.raises(BuildFailed) as raised:
        fail()

    assert stack(raised.value) == ("ValueError", "BuildFailed")  # this file is not the platform's


async def test_a_letter_says_where_it_happened(bus: Bus) -> None:
    """The worker's loop is ours: the letter names its lines, not what the error said."""

    async def leak(_: object) -> None:
        raise RuntimeError("password hunter2")

    async with working(bus, Recorder(leak)):
        await started(bus, "a")
        await settled(bus)
        (letter,) = await open_letters(bus)

    assert letter.reason == "RuntimeError"
    assert letter.stack[-1] == "RuntimeError"
    assert any(line.startswith("bus/handling.py:") for line in letter.stack)
    assert "hunter2" not in str(letter)
