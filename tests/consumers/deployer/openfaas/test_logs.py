"""What functions behind a gateway print stands in LOGS: each line once, as it comes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from bus.allowance import Allowance
from bus.connection import Bus
from consumers.deployer.openfaas import logs
from consumers.deployer.openfaas.client import Gateway as Client
from consumers.deployer.openfaas.seen import Seen
from consumers.deployer.openfaas.wire import LogLine
from schemas import subjects
from schemas.envelope import Aggregate
from schemas.events.function import FunctionDeployed, FunctionRemoved
from tests.consumers.deployer.machine import until
from tests.heavy.gateway.played import Gateway

OF = Aggregate("local", "alice/hello", "function", "production/hello")
BEGIN = datetime(2030, 1, 1, tzinfo=UTC)


def deployed(gateway: Gateway, number: int) -> FunctionDeployed:
    """Return the fact that a revision is live at the gateway."""
    return FunctionDeployed(
        run=f"01RUN{number}",
        generation=number,
        revision=f"abcdef0-{number}",
        image="sha256:" + "1" * 64,
        spec="sha256:" + "2" * 64,
        sha="a" * 40,
        label="alice",
        environment="production",
        function="hello",
        upstream=f"{gateway.url}/function/alice-hello",
    )


def subject(number: int) -> str:
    """Return where a revision's lines stand."""
    return subjects.function_log("local", "alice/hello", "production/hello", f"abcdef0-{number}")


@asynccontextmanager
async def following(bus: Bus, client: Client) -> AsyncIterator[None]:
    """Follow all functions for as long as the context lasts."""
    stopping = asyncio.Event()
    task = asyncio.create_task(logs.follow_logs(bus, client, stopping, allowance=Allowance(0)))
    try:
        yield
    finally:
        stopping.set()
        await asyncio.wait_for(task, 10)


async def written(bus: Bus, number: int, *texts: str) -> bool:
    """Tell whether exactly these lines stand in a revision's log."""
    found = [line.text async for line in bus.lines.read(subject(number))]
    assert len(found) <= len(texts), found
    return found == list(texts)


async def test_lines_are_written_as_they_are_printed(
    bus: Bus, client: Client, gateway: Gateway
) -> None:
    """Those since the deployment first, then each that comes; the next revision's are its own."""
    gateway.say("alice-hello", "long ago", time=datetime.now(UTC) - timedelta(hours=1))
    gateway.say("alice-other", "not ours")
    await bus.log.append(deployed(gateway, 1), of=OF, id="deployed:1")
    gateway.say("alice-hello", "one\n")

    async with following(bus, client):
        await until(lambda: written(bus, 1, "one"))
        gateway.say("alice-hello", "  two")
        await until(lambda: written(bus, 1, "one", "  two"))
        await bus.log.append(deployed(gateway, 2), of=OF, id="deployed:2")

        async def arrived() -> bool:
            gateway.say("alice-hello", "more")
            return await bus.lines.newest(subject(2)) is not None

        await until(arrived)

    assert gateway.asked("GET /system/logs") == ["GET /system/logs"]


async def test_an_interruption_loses_nothing_and_repeats_nothing(
    bus: Bus, client: Client, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gateway ends its answer again and again, as they all do: each line stands there once."""
    monkeypatch.setattr(logs, "FIRST_PAUSE", 0.02)
    monkeypatch.setattr(logs, "LONGEST_PAUSE", 0.05)
    gateway.follow_seconds = 0.05
    await bus.log.append(deployed(gateway, 1), of=OF, id="deployed:1")
    now = datetime.now(UTC)
    texts = [f"line {number}" for number in range(60)]

    async with following(bus, client):
        for number, text in enumerate(texts):
            # three lines at the very same time, from two instances
            time = now + timedelta(microseconds=number // 3)
            gateway.say("alice-hello", text, time=time, instance=str(number % 2))
            await asyncio.sleep(0.01)
        await until(lambda: written(bus, 1, *texts))

    assert len(gateway.asked("GET /system/logs")) > 5


async def test_a_restart_goes_on_where_the_log_ends(
    bus: Bus, client: Client, gateway: Gateway
) -> None:
    """What was written before is not written again; what was printed meanwhile is."""
    await bus.log.append(deployed(gateway, 1), of=OF, id="deployed:1")
    gateway.say("alice-hello", "before")
    async with following(bus, client):
        await until(lambda: written(bus, 1, "before"))
    gateway.say("alice-hello", "meanwhile")

    async with following(bus, client):
        await until(lambda: written(bus, 1, "before", "meanwhile"))


async def test_a_gateway_that_is_down_is_asked_again(
    bus: Bus, client: Client, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """500 for a function without instances, and a gateway that lies: later its lines come."""
    monkeypatch.setattr(logs, "FIRST_PAUSE", 0.02)
    gateway.weather.status, gateway.weather.only, gateway.weather.times = 500, "GET /system/logs", 2
    await bus.log.append(deployed(gateway, 1), of=OF, id="deployed:1")
    gateway.say("alice-hello", "at last")

    async with following(bus, client):
        await until(lambda: written(bus, 1, "at last"))


async def test_functions_that_are_gone_or_elsewhere_are_not_followed(
    bus: Bus, client: Client, gateway: Gateway
) -> None:
    """A removed one's connection ends; one that runs on this machine has none."""
    await bus.log.append(deployed(gateway, 1), of=OF, id="deployed:1")
    other = Aggregate("local", "bob/hello", "function", "production/hello")
    local = msgspec.structs.replace(deployed(gateway, 1), upstream="unix:x.sock")
    await bus.log.append(local, of=other, id="other")

    async with following(bus, client):
        await until(lambda: asked(gateway))
        removed = FunctionRemoved(label="alice", environment="production", function="hello")
        await bus.log.append(removed, of=OF, id="removed")
        await until(lambda: nobody(gateway))

    assert [call.query["name"] for call in gateway.calls] == ["alice-hello"]


async def nobody(gateway: Gateway) -> bool:
    """Tell whether no log is followed any more."""
    return not gateway.following


async def asked(gateway: Gateway) -> bool:
    """Tell whether anybody follows a log."""
    return bool(gateway.following)


def line(seconds: float, instance: str = "1") -> LogLine:
    """Return a line printed so long after BEGIN."""
    return LogLine(instance=instance, timestamp=BEGIN + timedelta(seconds=seconds))


def test_what_comes_again_is_known_by_time_and_count() -> None:
    """After an interruption lines of the last moment are counted, older ones passed over."""
    seen = Seen(BEGIN)
    assert [seen.new(line(at)) for at in (-1, 0, 1, 2, 2)] == [False, False, True, True, True]
    assert seen.since == BEGIN

    seen.interrupted()
    again = [seen.new(line(at)) for at in (1, 2, 2, 2, 1.5, 3)]

    assert again == [False, False, False, True, True, True]  # 1.5: printed late, not seen before


def test_instances_are_kept_apart_and_forgotten() -> None:
    """A new instance begins where the log began; one that ended long ago is not kept for ever."""
    seen = Seen(BEGIN)
    assert seen.new(line(1, "a"))
    assert seen.new(line(1, "b"))
    assert seen.new(line(100, "b"))
    assert seen.since == BEGIN + timedelta(seconds=95)

    seen.interrupted()

    assert not seen.new(line(100, "b"))
    assert seen.new(line(101, "a"))
