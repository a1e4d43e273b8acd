"""EventLog and DeliveryLog against a real server."""

import asyncio
import os
import signal
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from bus import envelope, log, streams
from bus.connection import Bus, BusSettings, connect
from bus.log import Draft, Guard
from bus.server import NatsServer
from schemas import subjects
from schemas.envelope import Aggregate, Recorded, Unknown
from schemas.errors import (
    Conflict,
    EventMissing,
    FactTooLarge,
    GuardMisses,
    IdReused,
    LogFull,
    LogUnavailable,
    Undecodable,
)
from schemas.events import Event
from schemas.events.run import RunBuildFailed, RunBuildStarted, RunCancelled, RunSuperseded

RUN = Aggregate("local", "alice/hello", "run", "01JD8Z6Q5V0000000000000000")
HISTORY = subjects.history(RUN)
FACT = RunBuildStarted(function="hello")


async def everything(bus: Bus) -> list[Recorded[Event]]:
    """Return all that is in the log."""
    return [event async for event in bus.follow.events(after=0, until=await bus.log.head())]


async def test_what_is_appended_is_read_back_whole(bus: Bus) -> None:
    """Fact, aggregate, id, actor and name come back; run and name are taken from the cause."""
    first = await bus.log.append(
        RunSuperseded(by="x"), of=RUN, id="a", actor='jürgen "j" 100%', name="alice/hello"
    )
    cause = await bus.log.get(first)
    about = Aggregate("local", "alice/hello", "branch", "feature/ä b")
    second = await bus.log.append(FACT, of=about, id="b é", cause=cause)

    event = await bus.log.get(second)
    assert (first, second, await bus.log.head()) == (1, 2, 2)
    assert (cause.fact, cause.of, cause.id) == (RunSuperseded(by="x"), RUN, "a")
    assert (cause.actor, cause.run, cause.name) == ('jürgen "j" 100%', RUN.id, "alice/hello")
    assert (event.fact, event.of, event.id) == (FACT, about, "b é")
    assert (event.cause, event.run, event.name) == ("a", RUN.id, "alice/hello")
    assert timedelta(0) <= envelope.now() - event.time < timedelta(seconds=20)


async def test_a_long_id_is_read_back_in_full(bus: Bus) -> None:
    """An aggregate whose tokens were shortened in the subject is whole in the headers."""
    of = Aggregate("local", "alice/" + "p" * 90, "branch", "feature/" + "ä" * 50)
    seq = await bus.log.append(FACT, of=of, id="a")

    assert (await bus.log.get(seq)).of == of
    found = await bus.log.last(of, RunBuildStarted)
    assert found is not None
    assert found.of == of


async def test_a_missing_tag_is_unknown(bus: Bus) -> None:
    """What a newer release wrote can be read, as Unknown with its type and body."""
    headers = envelope.of_fact(FACT, RUN, "new", cause=None, run="", actor="", name="")
    headers["ce-type"] = "run.teleported/1"
    await bus.js.publish(subjects.within(RUN) + "teleported", b'{"to":"mars"}', headers)

    assert (await bus.log.get(1)).fact == Unknown("run.teleported/1", msgspec.Raw(b'{"to":"mars"}'))


async def test_another_shape_is_undecodable(bus: Bus) -> None:
    """A known tag with another shape is an error that names the event and the field."""
    headers = envelope.of_fact(FACT, RUN, "bad", cause=None, run="", actor="", name="")
    await bus.js.publish(subjects.subject(RUN, FACT), b'{"type":"run.build-started/1"}', headers)

    with pytest.raises(Undecodable, match=r"event 1: .*function"):
        await bus.log.get(1)


async def test_the_same_id_is_stored_once(bus: Bus) -> None:
    """A crashed handler that writes the same again is told the old sequence."""
    first = await bus.log.append(FACT, of=RUN, id="same")
    again = await bus.log.append(FACT, of=RUN, id="same")

    assert (first, again, await bus.log.head()) == (1, 1, 1)


@pytest.mark.parametrize(
    ("fact", "of"),
    [
        (RunBuildStarted(function="other"), RUN),
        (FACT, Aggregate("local", "alice/hello", "run", "2")),
    ],
)
async def test_an_id_with_another_content_is_refused(bus: Bus, fact: Event, of: Aggregate) -> None:
    """A duplicate by id with another body, or another subject, is an error, not a success."""
    await bus.log.append(FACT, of=RUN, id="same")

    with pytest.raises(IdReused, match="event 1"):
        await bus.log.append(fact, of=of, id="same")
    assert await bus.log.head() == 1


async def test_an_id_older_than_the_server_s_memory_is_known(bus: Bus) -> None:
    """Redelivered after the duplicate window, a handler's fact is found by its old cause."""
    await bus.log.append(RunSuperseded(by="x"), of=RUN, id="cause")
    cause = await bus.log.get(1)
    await bus.log.append(FACT, of=RUN, id="other", cause=cause)
    stored = await bus.log.append(FACT, of=RUN, id="effect", cause=cause)
    await forget_ids(bus)
    head = await bus.log.head()
    old = msgspec.structs.replace(cause, time=cause.time - timedelta(hours=1))

    assert await bus.log.append(FACT, of=RUN, id="effect", cause=old) == stored
    drafts = [Draft(FACT, RUN, "other"), Draft(FACT, RUN, "effect")]
    assert await bus.log.append_all(drafts, cause=old) == stored
    with pytest.raises(IdReused):
        await bus.log.append(RunBuildStarted(function="g"), of=RUN, id="effect", cause=old)
    assert await bus.log.head() == head


async def forget_ids(bus: Bus) -> None:
    """Have the server forget which ids it has seen, as ten minutes would."""
    config = streams.declared(bus.settings)["EVENTS"]
    short = {**config, "duplicate_window": 100_000_000}  # the least there is: 0.1 s
    await bus.js.call("STREAM.UPDATE.EVENTS", short)
    probe = Aggregate("local", "alice/hello", "run", "probe")
    async with asyncio.timeout(10):
        first = await bus.log.append(FACT, of=probe, id="probe")
        while await bus.log.append(FACT, of=probe, id="probe") == first:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_a_guard_lets_one_of_fifty_in(bus: Bus) -> None:
    """Of fifty who decide on the same state at once, one appends; the others are told."""

    async def attempt(number: int) -> bool:
        try:
            await bus.log.append(
                RunSuperseded(by=str(number)), of=RUN, id=f"by:{number}", guard=Guard(HISTORY, 0)
            )
        except Conflict:
            return False
        return True

    won = await asyncio.gather(*map(attempt, range(50)))
    assert sum(won) == 1
    assert await bus.log.last_seq(HISTORY) == 1


async def test_a_guard_holds_over_its_whole_filter(bus: Bus) -> None:
    """Another kind of fact about the same run moves the guard, too."""
    await bus.log.append(FACT, of=RUN, id="a")

    with pytest.raises(Conflict, match="past 0 by event 1"):
        await bus.log.append(RunCancelled(by="x"), of=RUN, id="b", guard=Guard(HISTORY, 0))
    assert await bus.log.append(RunCancelled(by="x"), of=RUN, id="b", guard=Guard(HISTORY, 1)) == 2


async def test_a_guard_that_misses_its_subject_is_refused(bus: Bus) -> None:
    """A filter that does not contain the fact's subject would guard nothing."""
    other = Guard(subjects.history(Aggregate("local", "alice/hello", "run", "2")), 0)

    with pytest.raises(GuardMisses):
        await bus.log.append(FACT, of=RUN, id="a", guard=other)
    with pytest.raises(GuardMisses):
        await bus.log.append_all([Draft(FACT, RUN, "a", other), Draft(FACT, RUN, "b")])
    assert await bus.log.head() == 0


async def test_a_repeated_guarded_append_finds_its_own(bus: Bus) -> None:
    """R1 checks the guard before the id: our own fact behind it is not a conflict."""
    guard = Guard(HISTORY, 0)
    await bus.log.append(FACT, of=RUN, id="a", guard=guard)
    await bus.log.append(RunCancelled(by="x"), of=RUN, id="b")  # stands behind ours already

    assert await bus.log.append(FACT, of=RUN, id="a", guard=guard) == 1
    with pytest.raises(IdReused):
        await bus.log.append(RunBuildStarted(function="g"), of=RUN, id="a", guard=guard)


async def test_a_large_fact_is_refused_before_it_is_sent(bus: Bus) -> None:
    """Over 256 KiB with its headers: a blob's business."""
    fact = RunBuildFailed(function="f", code="c", message="m" * log.LIMIT)

    with pytest.raises(FactTooLarge, match="blob"):
        await bus.log.append(fact, of=RUN, id="a")
    empty = Draft(RunBuildFailed(function="f", code="c", message=""), RUN, "a")
    sealed = log.seal(empty, cause=None, run="", actor="", name="")
    room = log.LIMIT - len(sealed.block) - len(sealed.body)
    fits = RunBuildFailed(function="f", code="c", message="m" * (room - 40))  # the time varies
    assert await bus.log.append(fits, of=RUN, id="a") == 1


async def test_a_full_log_says_so(bus: Bus) -> None:
    """At its size limit the log refuses at once; it never drops what is old."""
    config = streams.declared(bus.settings)["EVENTS"]
    await bus.js.call("STREAM.UPDATE.EVENTS", {**config, "max_bytes": 4096, "compression": "none"})
    fact = RunBuildFailed(function="f", code="c", message="m" * 1000)

    await bus.log.append(fact, of=RUN, id="fits")

    with pytest.raises(LogFull):
        await asyncio.gather(*(bus.log.append(fact, of=RUN, id=str(n)) for n in range(10)))
    assert (await bus.log.get(1)).id == "fits"


async def test_the_newest_of_several_facts(bus: Bus) -> None:
    """``last`` finds the newest among the kinds asked for, and of all when none is named."""
    await bus.log.append(RunSuperseded(by="x"), of=RUN, id="a")
    await bus.log.append(RunCancelled(by="y"), of=RUN, id="b")
    await bus.log.append(FACT, of=RUN, id="c")

    ended = await bus.log.last(RUN, RunSuperseded, RunCancelled)
    newest: Recorded[Event] | None = await bus.log.last(RUN)
    assert ended is not None
    assert newest is not None
    assert (ended.seq, newest.seq) == (2, 3)
    assert await bus.log.last(RUN, RunBuildFailed) is None
    assert await bus.log.last_seq("ev.local.*.run.*.cancelled") == 2
    assert await bus.log.last_seq("ev.github.>") == 0


async def test_an_event_that_is_not_there(bus: Bus) -> None:
    """Asking for a sequence beyond the log is an error with a name."""
    for seq in (0, 7):
        with pytest.raises(EventMissing):
            await bus.log.get(seq)


async def test_a_publish_that_was_lost_and_stored_later_counts_once(server: NatsServer) -> None:
    """A server that hangs swallows the publish and stores it when it wakes: one fact, all told."""
    settings = server.settings("init")
    await streams.init(settings)
    async with connect(settings, name="test") as bus:
        os.kill(server.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, server.pid, os.WSTOPPED)  # noqa: ASYNC222 - at once; until then it answers
        append = asyncio.create_task(bus.log.append(FACT, of=RUN, id="a", guard=Guard(HISTORY, 0)))
        done, _ = await asyncio.wait([append], timeout=2.5)  # past the first attempt's timeout
        assert not done
        os.kill(server.pid, signal.SIGCONT)

        assert await append == 1
        assert await bus.log.append(FACT, of=RUN, id="a") == 1
        assert await bus.log.head() == 1


async def test_a_killed_server_only_delays_an_append(server: NatsServer) -> None:
    """Appends under way when the server is killed are repeated, and stored once each."""
    settings = server.settings("init")
    await streams.init(settings)
    async with connect(settings, name="test") as bus:
        appends = [
            asyncio.create_task(bus.log.append(RunBuildStarted(function=str(n)), of=RUN, id=str(n)))
            for n in range(200)
        ]
        await asyncio.wait(appends, return_when=asyncio.FIRST_COMPLETED)
        server.kill()
        server.start()
        seqs = await asyncio.gather(*appends)

        assert sorted(seqs) == list(range(1, 201))
        assert await bus.log.head() == 200


async def test_a_log_that_is_gone_is_unavailable(
    server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the patience the caller is told, with the error that means "perhaps stored"."""
    monkeypatch.setattr("bus.jetstream.patiently.__defaults__", (0.5,))
    settings = server.settings("init")
    await streams.init(settings)
    async with connect(settings, name="test") as bus:
        server.kill()
        with pytest.raises(LogUnavailable):
            await bus.log.append(FACT, of=RUN, id="a")


async def test_a_delivery_is_stored_once(bus: Bus) -> None:
    """The same id answers the old sequence; headers and body come back as they were."""
    headers = {"x-github-event": "push", "user-agent": "hook é\t%"}
    first = await bus.deliveries.store("github", "g/1", headers, b'{"a":1}')
    again = await bus.deliveries.store("github", "g/1", headers, b'{"a":1}')

    delivery = await bus.deliveries.get(first)
    assert (first, again) == (1, 1)
    assert (delivery.forge, delivery.id, delivery.seq) == ("github", "g/1", 1)
    assert (delivery.headers, delivery.body) == (headers, b'{"a":1}')
    assert delivery.event_id == "github:g/1"
    with pytest.raises(EventMissing):
        await bus.deliveries.get(2)


async def test_a_trace_passes_through(bus: Bus) -> None:
    """The forge's traceparent goes from the delivery to its facts, and to theirs."""
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    delivery = await bus.deliveries.get(
        await bus.deliveries.store("github", "g", {"traceparent": trace}, b"{}")
    )
    first = await bus.log.get(await bus.log.append(FACT, of=RUN, id="a", cause=delivery))
    second = await bus.log.get(await bus.log.append(FACT, of=RUN, id="b", cause=first))

    assert (first.cause, first.trace) == ("github:g", trace)
    assert (second.cause, second.trace) == ("a", trace)


async def test_a_large_delivery_lies_in_the_blobs(bus: Bus, tmp_path: Path) -> None:
    """Over 64 KiB the body is a blob, fsynced before the delivery is stored."""
    body = os.urandom(300_000)
    seq = await bus.deliveries.store("github", "big", {}, body)

    stored = await bus.js.message("DELIVERIES", seq=seq)
    assert stored is not None
    assert stored.body == b""
    assert (await bus.deliveries.get(seq)).body == body
    assert any((tmp_path / "home" / "blobs").rglob("*"))


async def test_a_password_is_never_shown() -> None:
    """Neither repr nor str of the settings has the password."""
    settings = BusSettings(home=Path("/x"), user="u", password="hunter2")
    assert "hunter2" not in repr(settings) + str(settings) + f"{settings}"
