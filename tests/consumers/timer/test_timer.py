"""The consumer on a real log: what fires, once, and what is passed over."""

import asyncio
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from bus import instruments, streams
from bus.connection import Bus
from bus.letters import open_letters, outcome, redrive
from bus.timers import Due, Timer
from consumers.timer.calls import Calls, call_id
from consumers.timer.consumer import Timekeeper
from consumers.timer.setting import Setter
from consumers.timer.wanted import CRON, PREVIEW, TIMEOUT, Wanted, wanted
from schemas.envelope import Aggregate, Recorded
from schemas.errors import GiveUp
from schemas.events.environment import EnvironmentClosed, EnvironmentOpened
from schemas.events.function import FunctionRemoved
from schemas.events.run import RunFinished
from schemas.events.timer import TimerCallBegun, TimerDelivered, TimerFired
from tests.consumers.timer.clockwork import DAY, Phone, ago, facts, there, ticking
from tests.consumers.timer.facts import FUNCTION, RUN, deployed, queued


async def test_a_missed_moment_fires_once_and_the_function_is_called(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deployed an hour ago, each minute due, nobody up until now: one call, then the next minute.

    The call's id derives from the firing.
    """
    with ago(monkeypatch, timedelta(hours=1)):
        await bus.log.append(deployed("* * * * *"), of=FUNCTION, id="deployed", name="alice/hello")
    phone = Phone()
    async with ticking(bus, phone):
        (delivered,) = await there(bus, TimerDelivered)
        async with asyncio.timeout(10):
            while not (following := await bus.timers.list()):  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    (fired,) = await facts(bus, TimerFired)
    (begun,) = await facts(bus, TimerCallBegun)
    assert fired.fact.due < datetime.now(UTC) - timedelta(minutes=58)
    assert (fired.of.id, fired.name) == ("cron-function/production/tick", "alice/hello")
    assert phone.calls == [("tick", call_id(fired), fired.fact.due)]
    assert begun.cause == delivered.cause == fired.id
    assert (delivered.fact.outcome, delivered.fact.status) == ("answered", 200)
    (timer,) = following.values()
    assert fired.time < timer.at <= fired.time + timedelta(minutes=1)


async def test_a_run_that_does_not_end_is_told_of(bus: Bus) -> None:
    """Nobody is called; one that has ended is cancelled, and never told of."""
    other = msgspec.structs.replace(RUN, id="01JD8ZOTHER")
    phone = Phone()
    async with ticking(bus, phone, timeout=timedelta(seconds=1)):
        await bus.log.append(queued(), of=other, id="other")
        await bus.log.append(queued(), of=RUN, id="queued")
        await bus.log.append(RunFinished("live"), of=other, id="end")
        (fired,) = await there(bus, TimerFired)

    assert (fired.fact.purpose, fired.fact.about, fired.run) == (TIMEOUT, RUN.id, RUN.id)
    assert phone.calls == []
    assert await bus.timers.list() == {}


async def test_a_preview_that_nobody_uses_is_told_of(bus: Bus) -> None:
    """Once each time that it was opened; of one that was closed before nothing is told."""
    now = datetime.now(UTC)
    dev = Aggregate("local", "alice/hello", "environment", "branch-dev")
    other = msgspec.structs.replace(dev, id="branch-other")
    soon = EnvironmentOpened("dev", now + timedelta(seconds=0.5), push=1)
    async with ticking(bus, Phone()):
        await bus.log.append(soon, of=other, id="other")
        await bus.log.append(EnvironmentClosed("asked"), of=other, id="other-closed")
        await bus.log.append(soon, of=dev, id="opened")
        (fired,) = await there(bus, TimerFired)
        assert (fired.fact.purpose, fired.fact.about) == (PREVIEW, "branch-dev")
        await bus.log.append(EnvironmentClosed("expired"), of=dev, id="closed")
        again = msgspec.structs.replace(soon, until=datetime.now(UTC) + timedelta(seconds=0.2))
        await bus.log.append(again, of=dev, id="opened-again")
        assert len(await there(bus, TimerFired, 2)) == 2


async def test_a_young_run_costs_no_timer(bus: Bus) -> None:
    """Most have ended within a minute: only one that has not is worth a message."""
    fold = wanted()
    begin = datetime(2026, 11, 25, 12, tzinfo=UTC)
    row = Wanted(
        purpose=TIMEOUT, forge="local", project="a/b", about="run", name="a/b", after=begin
    )
    fold.rows = {"run-timeout local a/b run": row}
    setter = Setter(bus.timers, fold.rows, DAY)
    await setter.compare()

    assert await setter.step(begin + timedelta(seconds=10)) == 50
    assert await bus.timers.list() == {}
    await setter.step(begin + timedelta(seconds=60))
    assert [timer.at for timer in (await bus.timers.list()).values()] == [begin + DAY]


async def test_what_is_lost_is_set_again(bus: Bus) -> None:
    """The stream of timers purged by hand: the next comparison brings them back."""
    await bus.log.append(deployed("0 0 1 1 *"), of=FUNCTION, id="deployed")
    async with ticking(bus, Phone()):
        await _set(bus)
    await bus.js.call("STREAM.PURGE.TIMERS")
    assert await bus.timers.list() == {}

    async with ticking(bus, Phone()):
        assert len(await _set(bus)) == 1


async def _set(bus: Bus) -> dict[tuple[str, str, str, str], Timer]:
    async with asyncio.timeout(10):
        while not (there := await bus.timers.list()):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return there


async def test_what_is_wanted_no_more_is_cancelled(bus: Bus) -> None:
    """A function that is gone is not called."""
    removed = FunctionRemoved(label="alice", environment="production", function="tick")
    async with ticking(bus, Phone()):
        await bus.log.append(deployed("0 0 1 1 *"), of=FUNCTION, id="deployed")
        await _set(bus)
        await bus.log.append(removed, of=FUNCTION, id="removed")
        async with asyncio.timeout(10):
            while await bus.timers.list():  # noqa: ASYNC110
                await asyncio.sleep(0.02)


async def test_an_old_schedule_that_comes_back_is_passed_over(bus: Bus) -> None:
    """Told of twice, at another moment, or of nothing that the log knows: one fact at most."""
    fold = wanted()
    following = asyncio.create_task(fold.run(bus.follow))
    await bus.log.append(deployed("0 0 1 1 *"), of=FUNCTION, id="deployed")
    await fold.reached(1)
    keeper = Timekeeper(bus.log, fold, DAY)
    (row,) = fold.rows.values()
    timer = row.timer(DAY)
    assert timer is not None
    early = msgspec.structs.replace(timer, at=timer.at - timedelta(days=1))
    strange = msgspec.structs.replace(timer, about="production/other")

    for each in (early, strange, timer, timer, early):
        await keeper.handle(Due(each, 1))

    following.cancel()
    (fired,) = await facts(bus, TimerFired)
    assert fired.fact.due == timer.at


async def test_two_who_call_at_once_call_once(bus: Bus) -> None:
    """Two processes have the same firing at hand: one begins, the other sees that."""
    phone = Phone(gate=asyncio.Event())
    async with ticking(bus, phone) as calls:
        await bus.log.append(deployed("0 0 1 1 *"), of=FUNCTION, id="deployed")
        fired = await _fired(bus)
        others = [asyncio.create_task(calls.handle(fired)) for _ in range(5)]
        await there(bus, TimerCallBegun)
        done, _ = await asyncio.wait(others, timeout=1)
        assert phone.gate is not None
        phone.gate.set()
        await there(bus, TimerDelivered)
        await asyncio.gather(*others, return_exceptions=True)

    assert len(phone.calls) == 1
    assert len(await facts(bus, TimerCallBegun)) == 1
    assert len(done) >= 4


@pytest.mark.parametrize("limit", [timedelta(0), DAY])
async def test_a_worker_that_died_calling_is_never_followed_by_another(
    bus: Bus, limit: timedelta
) -> None:
    """Begun and not ended: unknown once its time is over, waited for until then."""
    phone, durable = Phone(), Calls(*[None] * 5)  # type: ignore[arg-type] # for its durable alone
    await streams.ensure(bus.settings, [durable])
    await bus.log.append(deployed("0 0 1 1 *"), of=FUNCTION, id="deployed")
    fired = await _fired(bus)
    begun = TimerCallBegun(due=fired.fact.due)
    await bus.log.append(begun, of=fired.of, id="begun by who was killed", cause=fired)
    async with ticking(bus, phone, limit=limit):
        if limit == DAY:
            async with asyncio.timeout(10):
                while not _resting():  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
        else:
            (delivered,) = await there(bus, TimerDelivered)
            assert (delivered.fact.outcome, delivered.fact.status) == ("unknown", 0)
            assert "ended before the answer" in delivered.fact.message

    assert phone.calls == []
    assert len(await facts(bus, TimerCallBegun)) == 1


def _resting() -> float:
    gauge = instruments.resting.labels("timer-calls")
    return sum(sample.value for family in gauge.collect() for sample in family.samples)


async def _fired(bus: Bus) -> Recorded[TimerFired]:
    """Record that the function's time has come."""
    fact = TimerFired(purpose=CRON, about=FUNCTION.id, due=datetime.now(UTC))
    of = msgspec.structs.replace(FUNCTION, kind="timer", id=f"{CRON}/{FUNCTION.id}")
    await bus.log.append(fact, of=of, id=f"fired:{fact.due}")
    found = await bus.log.last(of, TimerFired)
    assert found is not None
    return found


async def test_a_moment_given_up_is_redriven(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    """A letter about TIMERS is taken again by the worker that reads EVENTS."""

    class Broken(Timekeeper):
        async def handle(self, due: Due) -> None:
            raise GiveUp(f"not {due.timer.about} today")

    with ago(monkeypatch, timedelta(hours=1)):
        await bus.log.append(deployed("* * * * *"), of=FUNCTION, id="deployed")
    async with ticking(bus, Phone(), keeper=Broken), asyncio.timeout(10):
        while not await open_letters(bus):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    (letter,) = await open_letters(bus)
    assert (letter.consumer, letter.stream) == ("timer", "TIMERS")

    phone = Phone()
    async with ticking(bus, phone):
        assert await outcome(bus, letter, await redrive(bus, letter, actor="op")) is None
        await there(bus, TimerDelivered)

    assert len(phone.calls) == 1
