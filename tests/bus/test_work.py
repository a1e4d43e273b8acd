"""The worker loop against a real server, all being well with the server."""

import asyncio
from typing import Any, ClassVar, Literal

import pytest

from bus import instruments, streams
from bus.connection import Bus
from bus.envelope import MSG_ID
from bus.work import Pace, work
from schemas.envelope import Recorded
from schemas.errors import BuildFailed, DurableMissing, SourceUnavailable
from schemas.events.run import RunSuperseded
from tests.bus.workers import (
    HASTY,
    Recorder,
    eventually,
    run,
    settled,
    started,
    unfinished,
    working,
)


async def test_handles_what_it_reads(bus: Bus) -> None:
    """Each fact the worker reads is handled once and acknowledged; others pass it by."""
    worker = Recorder()
    async with working(bus, worker):
        for name in "abc":
            await started(bus, name)
        await bus.log.append(RunSuperseded(by="2"), of=run("1"), id="superseded")
        await settled(bus)

    assert worker.seen == ["a", "b", "c"]


async def test_one_at_a_time_per_key_concurrent_across(bus: Bus) -> None:
    """Ten facts of one key run one by one and in order, while another key's fact goes on."""
    gate, now, most = asyncio.Event(), 0, 0

    async def hold(event: Recorded[Any]) -> None:
        nonlocal now, most
        if event.of.id == "busy":
            now += 1
            most = max(most, now)
            await gate.wait()
            now -= 1

    worker = Recorder(hold, places=2)
    for number in range(10):
        await started(bus, str(number), "busy")
    await started(bus, "other", "free")

    async with working(bus, worker):
        await eventually(lambda: "other" in worker.seen)
        assert worker.seen == ["0", "other"]
        gate.set()
        await settled(bus)

    assert worker.seen == ["0", "other", *map(str, range(1, 10))]
    assert most == 1


async def test_never_more_handlers_than_places(bus: Bus) -> None:
    """Twenty keys share three places."""
    now, most = 0, 0

    async def count(_: object) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.01)
        now -= 1

    worker = Recorder(count, places=3)
    async with working(bus, worker):
        for number in range(20):
            await started(bus, "f", str(number))
        await settled(bus)

    assert len(worker.seen) == 20
    assert most == 3


async def test_a_failure_is_tried_again_later_and_blocks_nobody(bus: Bus) -> None:
    """A fact given back with a delay comes again; those behind it are handled meanwhile."""

    async def fail_once(event: Recorded[Any]) -> None:
        if event.fact.function == "a" and worker.seen.count("a") == 1:
            raise SourceUnavailable("the forge is down")

    worker = Recorder(fail_once, places=1, pace=Pace(backoff=(2,)))
    async with working(bus, worker):
        for name in "abc":
            await started(bus, name)
        await settled(bus)

    assert worker.seen == ["a", "b", "c", "a"]
    assert await bus.deadletters.list() == []


async def test_two_waiting_for_their_delay_leave_room_for_hundreds(bus: Bus) -> None:
    """Facts given back still count as pending at the server; the limit is far away."""

    async def refuse(event: Recorded[Any]) -> None:
        if event.of.id == "bad":
            raise SourceUnavailable("the forge is down")

    worker = Recorder(refuse, pace=Pace(backoff=(60,)))
    async with working(bus, worker):
        await started(bus, "x", "bad")
        await started(bus, "y", "bad")
        await eventually(lambda: len(worker.seen) == 2)
        for number in range(200):
            await started(bus, "f", str(number))
        await eventually(lambda: len(worker.seen) == 202)


async def test_a_hopeless_fact_becomes_a_dead_letter_at_once(bus: Bus) -> None:
    """GiveUp writes one letter that points at the message, and ends it."""

    async def give_up(_: object) -> None:
        raise BuildFailed("no Dockerfile")

    worker = Recorder(give_up)
    async with working(bus, worker):
        seq = await started(bus, "a")
        await settled(bus)

    (letter,) = await bus.deadletters.list()
    assert (letter.consumer, letter.stream, letter.seq) == ("recorder", "EVENTS", seq)
    assert (letter.code, letter.reason, letter.attempts) == ("build_failed", "no Dockerfile", 1)
    assert letter.event == "started:1:a"
    assert worker.seen == ["a"]


async def test_the_last_attempt_ends_in_a_dead_letter_without_secrets(bus: Bus) -> None:
    """An unexpected error is retried, then recorded by its type: its text may hold a secret."""

    async def crash(_: object) -> None:
        raise RuntimeError("password=hunter2")

    worker = Recorder(crash)
    async with working(bus, worker):
        await started(bus, "a")
        await settled(bus)

    (letter,) = await bus.deadletters.list()
    assert worker.seen == ["a"] * 3
    assert (letter.code, letter.reason, letter.attempts) == ("internal", "RuntimeError", 3)


async def test_a_worker_is_told_before_its_message_is_given_up(bus: Bus) -> None:
    """``gave_up`` gets the fact, the code and the reason, once, after the last attempt."""
    told: list[tuple[str, str, str, int]] = []

    class Telling(Recorder):
        async def gave_up(self, event: Recorded[Any], code: str, reason: str) -> None:
            letters = await bus.deadletters.list()
            told.append((event.fact.function, code, reason, len(letters)))

    async def unavailable(_: object) -> None:
        raise SourceUnavailable("the forge is away")

    async with working(bus, Telling(unavailable)):
        await started(bus, "a")
        await settled(bus)

    assert told == [("a", "source_unavailable", "the forge is away", 0)]
    assert len(await bus.deadletters.list()) == 1


async def test_a_last_word_that_fails_is_tried_again(bus: Bus) -> None:
    """What others wait for could not be written: the fact comes again, then is given up."""
    tries: list[str] = []

    class Stammering(Recorder):
        async def gave_up(self, event: Recorded[Any], code: str, reason: str) -> None:
            tries.append(f"{event.fact.function} {code} {reason}")
            if len(tries) < 3:
                raise SourceUnavailable("not now")

    async def give_up(_: object) -> None:
        raise BuildFailed("no Dockerfile")

    worker = Stammering(give_up)
    async with working(bus, worker):
        await started(bus, "a")
        await settled(bus)

    assert tries == ["a build_failed no Dockerfile"] * 3
    (letter,) = await bus.deadletters.list()
    assert (letter.code, letter.attempts) == ("build_failed", 3)


async def test_a_key_that_fails_is_the_message_s_failure(bus: Bus) -> None:
    """A bug in ``key`` ends in a dead letter as one in the handler does; the worker lives."""

    class Careless(Recorder):
        def key(self, event: Recorded[Any]) -> str:
            if event.fact.function == "bad":
                raise KeyError(event.fact.function)
            return event.of.id

    worker = Careless()
    async with working(bus, worker):
        await started(bus, "bad")
        await started(bus, "good")
        await settled(bus)

    assert worker.seen == ["good"]
    assert [letter.reason for letter in await bus.deadletters.list()] == ["KeyError"]


async def test_a_message_of_another_shape_becomes_a_dead_letter(bus: Bus) -> None:
    """Poison: what cannot be decoded never reaches the handler, and does not block."""
    worker = Recorder()
    subject = "ev.local.alice=2Fhello.run.1.build-started"
    headers = {MSG_ID: "poison", "ce-id": "poison", "ce-type": "run.build-started/1"}
    headers |= {"ce-source": "/local/alice/hello", "ce-time": "2026-11-23T10:00:00Z"}
    async with working(bus, worker):
        ack = await bus.js.publish(subject, b'{"type":"run.build-started/1"}', headers)
        await started(bus, "good")
        await settled(bus)

    (letter,) = await bus.deadletters.list()
    assert (letter.code, letter.seq) == ("undecodable", ack.seq)
    assert worker.seen == ["good"]


async def test_an_unknown_tag_is_acknowledged_and_counted(bus: Bus) -> None:
    """A fact of a newer release is not an error: it is passed over, and seen in the metrics."""
    worker = Recorder()
    subject = "ev.local.alice=2Fhello.run.1.build-started"
    headers = {MSG_ID: "newer", "ce-id": "newer", "ce-type": "run.build-started/9"}
    headers |= {"ce-source": "/local/alice/hello", "ce-time": "2026-11-23T10:00:00Z"}
    counter = instruments.unknown.labels("recorder")
    before = counter._value.get()  # noqa: SLF001 - the library offers no other way
    async with working(bus, worker):
        await bus.js.publish(subject, b'{"type":"run.build-started/9"}', headers)
        await settled(bus)

    assert counter._value.get() == before + 1  # noqa: SLF001
    assert worker.seen == []
    assert await bus.deadletters.list() == []


async def test_a_message_of_a_replay_is_never_handled(bus: Bus) -> None:
    """The second wall: a replay's message is terminated, and is no dead letter."""
    worker = Recorder()
    subject = "ev.local.alice=2Fhello.run.1.build-started"
    headers = {MSG_ID: "again", "ce-id": "again", "ce-type": "run.build-started/1"}
    headers |= {"ce-source": "/local/alice/hello", "ce-time": "2026-11-23T10:00:00Z"}
    headers |= {"ce-replayid": "r1"}
    async with working(bus, worker):
        await bus.js.publish(subject, b'{"type":"run.build-started/1","function":"f"}', headers)
        await settled(bus)

    assert worker.seen == []
    assert await bus.deadletters.list() == []


async def test_without_its_durable_a_worker_ends(bus: Bus) -> None:
    """The worker does not make its own place in the stream; it says that there is none."""
    with pytest.raises(DurableMissing):
        async with asyncio.timeout(15):
            await work(bus, Recorder(), asyncio.Event())


async def test_shutdown_finishes_what_runs_and_gives_back_the_rest(bus: Bus) -> None:
    """A handler that ends within the grace is acknowledged; a parked fact comes again at once."""
    gate = asyncio.Event()

    async def hold(_: object) -> None:
        await gate.wait()

    worker = Recorder(hold, pace=Pace(ack_wait=30, grace=10))
    await started(bus, "runs")
    await started(bus, "parked")
    async with working(bus, worker) as stopping:
        await eventually(lambda: worker.seen == ["runs"])
        stopping.set()
        gate.set()
    assert await unfinished(bus) == 1

    successor = Recorder()
    async with working(bus, successor):
        await settled(bus, within=10)  # far below ack_wait: it was given back
    assert successor.seen == ["parked"]


async def test_shutdown_gives_back_a_handler_that_does_not_end(bus: Bus) -> None:
    """After the grace a handler is cancelled, and its fact is delivered again at once."""

    async def hang(_: object) -> None:
        await asyncio.Event().wait()

    worker = Recorder(hang, pace=Pace(ack_wait=30, grace=0.1))
    async with working(bus, worker):
        await started(bus, "a")
        await eventually(lambda: worker.seen == ["a"])

    successor = Recorder()
    async with working(bus, successor):
        await settled(bus, within=10)
    assert successor.seen == ["a"]


async def test_a_long_handler_keeps_its_message(bus: Bus) -> None:
    """Signs of life hold a message, and those parked behind it, beyond ack_wait."""

    async def slow(_: object) -> None:
        await asyncio.sleep(2.5)  # HASTY waits 2 s for an acknowledgement

    worker = Recorder(slow, pace=HASTY)
    async with working(bus, worker):
        await started(bus, "a")
        await started(bus, "b")
        await settled(bus)

    assert worker.seen == ["a", "b"]


async def test_a_crashed_worker_s_message_comes_again(bus: Bus) -> None:
    """A worker that dies without a word leaves its message to be delivered after ack_wait."""

    async def hang(_: object) -> None:
        await asyncio.Event().wait()

    crashing = Recorder(hang, pace=HASTY)
    await streams.ensure(bus.settings, [crashing])
    task = asyncio.create_task(work(bus, crashing, asyncio.Event()))
    await started(bus, "a")
    await eventually(lambda: crashing.seen == ["a"])
    task.cancel()
    await asyncio.wait([task])

    successor = Recorder()
    async with working(bus, successor):
        await settled(bus)
    assert successor.seen == ["a"]


async def test_a_new_worker_begins_with_the_next_fact(bus: Bus) -> None:
    """``begins = "now"`` passes over what was there before the durable was made."""

    class Newcomer(Recorder):
        begins: ClassVar[Literal["first", "now"]] = "now"

    await started(bus, "old")
    worker = Newcomer()
    async with working(bus, worker):
        await started(bus, "new")
        await settled(bus)
    assert worker.seen == ["new"]

    again = Newcomer()  # its durable is there: nothing between the two is passed over
    await started(bus, "between")
    async with working(bus, again):
        await settled(bus)
    assert again.seen == ["between"]


async def test_on_a_new_log_now_is_the_first_fact(bus: Bus) -> None:
    """A worker that begins now, on an empty log, misses nothing."""

    class Newcomer(Recorder):
        begins: ClassVar[Literal["first", "now"]] = "now"

    worker = Newcomer()
    await streams.ensure(bus.settings, [worker])
    await started(bus, "first")
    async with working(bus, worker):
        await settled(bus)
    assert worker.seen == ["first"]
