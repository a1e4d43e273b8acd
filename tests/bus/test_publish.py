"""Deliveries stored over the bulk connection, while the server is there, gone and back."""

import asyncio
import os
import signal

import pytest

from bus import streams
from bus.connection import Bus, connect
from bus.jetstream import Refused
from bus.publish import block
from bus.server import NatsServer
from schemas.errors import LogUnavailable

FIRST = {"Nats-Expected-Last-Subject-Sequence": "0"}


async def test_each_of_many_at_once_has_its_own_answer(bus: Bus) -> None:
    """What is stored under a sequence is what was told that sequence."""
    publish = bus.publisher.publish
    subjects = [f"delivery.github.d-{number}" for number in range(300)]

    acks = await asyncio.gather(*(publish(each, each.encode(), FIRST) for each in subjects))

    assert sorted(ack.seq for ack in acks) == list(range(1, 301))
    for ack, subject in list(zip(acks, subjects, strict=True))[::50]:
        stored = await bus.js.message("DELIVERIES", seq=ack.seq)
        assert stored is not None
        assert (stored.subject, stored.body) == (subject, subject.encode())


async def test_what_is_expected_is_the_server_s_to_check(bus: Bus) -> None:
    """A second message under a subject that shall have none is refused, with JetStream's code."""
    await bus.publisher.publish("delivery.github.d", b"1", FIRST)

    with pytest.raises(Refused) as refused:
        await bus.publisher.publish("delivery.github.d", b"2", FIRST)

    assert refused.value.code == 10071


async def test_nobody_there_is_told_at_once(bus: Bus) -> None:
    """A subject of no stream is not waited for."""
    async with asyncio.timeout(1):
        with pytest.raises(LogUnavailable, match="nobody answers"):
            await bus.publisher.publish("delivery", b"", {})


async def test_a_message_over_the_server_s_limit_breaks_nothing(bus: Bus) -> None:
    """It is refused here: the server would close the connection under everybody's answers."""
    small = asyncio.create_task(bus.publisher.publish("delivery.github.s", b"", FIRST))
    with pytest.raises(LogUnavailable, match="too many"):
        await bus.publisher.publish("delivery.github.l", b" " * 9_000_000, FIRST)

    assert (await small).seq == 1


@pytest.mark.parametrize("value", ["a\r\nNats-Msg-Id: b", "a\nb", "a\rb"])
def test_a_value_cannot_become_another_header(value: str) -> None:
    """An end of line in a value is refused before anything is sent."""
    with pytest.raises(ValueError, match="end of line"):
        block({"Forge-user-agent": value})


async def test_all_in_flight_are_stored_once_over_a_killed_server(server: NatsServer) -> None:
    """Killed under load and started again: every delivery is acknowledged, each stands once."""
    await streams.init(server.settings("init"))
    async with connect(server.settings("platform"), name="test") as bus:
        await bus.deliveries.store("github", "before", {}, b"")
        storing = [
            asyncio.create_task(bus.deliveries.store("github", f"d-{number}", {}, b" " * 9500))
            for number in range(200)
        ]
        await asyncio.wait(storing, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)

        sequences = await asyncio.gather(*storing)

        info = await bus.js.info("DELIVERIES")
        assert info is not None
        assert len(set(sequences)) == 200
        assert info["state"]["messages"] == 201


async def test_a_server_that_is_silent_is_not_waited_for(server: NatsServer) -> None:
    """A stopped server keeps the connection and answers nothing: unavailable, then it goes on."""
    await streams.init(server.settings("init"))
    async with connect(server.settings("platform"), name="test") as bus:
        await bus.publisher.publish("delivery.github.a", b"", FIRST)
        os.kill(server.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, server.pid, os.WSTOPPED)  # noqa: ASYNC222 - at once; until then it answers
        try:
            with pytest.raises(LogUnavailable, match="in time"):
                await bus.publisher.publish("delivery.github.b", b"", FIRST)
        finally:
            os.kill(server.pid, signal.SIGCONT)

        assert await bus.deliveries.store("github", "c", {}, b"") > 1
