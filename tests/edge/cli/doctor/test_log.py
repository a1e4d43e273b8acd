"""The log, as the doctor finds it: a real server, with one thing wrong at a time."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bus import streams
from bus.connection import session
from bus.deadletters import DeadLetter
from bus.envelope import now
from bus.settings import BusSettings
from edge.cli.doctor import log
from edge.cli.doctor.finding import Check, Finding, Subject
from edge.cli.settings import Settings
from edge.cli.workers import DURABLE
from tests.apart import LogServer, log_server

LETTER = msgspec.json.encode(
    DeadLetter(
        consumer="builder",
        stream="EVENTS",
        seq=1,
        code="build_failed",
        reason="no Dockerfile",
        attempts=1,
        time=now(),
    )
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LogServer]:
    """Yield a server that runs deploy/nats.conf, its log made once."""
    with log_server(tmp_path_factory.mktemp("nats")) as found:
        yield found


@pytest.fixture
async def init(server: LogServer, tmp_path: Path) -> BusSettings:
    """Return who made the log, and mends it before each test."""
    settings = server.settings("init", tmp_path)
    await streams.init(settings)
    await streams.ensure(settings, DURABLE)
    return settings


def subject(server: LogServer, home: Path, *roles: str) -> Subject:
    """Return an installation that has the passwords of these roles."""
    known = {role: server.settings(role, home) for role in roles or ("platform",)}
    return Subject(Settings(), home, known)


async def found(of: Subject) -> dict[str, Finding]:
    """Run all checks of the log beside each other, as the command does; each by its name."""
    findings = await asyncio.gather(*(check.run(of) for check in log.CHECKS))
    return {finding.check: finding for finding in findings}


async def call(settings: BusSettings, verb: str, query: Any = None) -> dict[str, Any]:
    """Ask JetStream as the role that may do everything."""
    async with session(settings, name="test") as js:
        answer: dict[str, Any] = msgspec.json.decode(await js.call(verb, query, timeout=10))
        return answer


async def test_a_good_log(server: LogServer, init: BusSettings, tmp_path: Path) -> None:
    """Each role connects; streams and consumers are as declared; nothing is full or given up."""
    del init
    roles = ("init", "platform", "router", "supervisor", "operator")

    report = await found(subject(server, tmp_path, *roles))

    assert {name: each.state for name, each in report.items()} == dict.fromkeys(report, "ok")
    assert ", ".join(roles) in report["log.connect"].says
    assert f"{len(DURABLE)} consumers; nothing waits" in report["log.consumers"].says


async def test_without_a_log_nothing_is_tried(tmp_path: Path) -> None:
    """No `up` and no setting is no mistake."""
    report = await found(Subject(Settings(), tmp_path, {}))

    assert {each.state for each in report.values()} == {"off"}


async def test_a_wrong_password(server: LogServer, tmp_path: Path) -> None:
    """The role is named; the password is not."""
    bus = msgspec.structs.replace(server.settings("router", tmp_path), password="hush-hush")

    finding = await log.CHECKS[0].run(Subject(Settings(), tmp_path, {"router": bus}))

    assert finding.state == "fail"
    assert "user router" in finding.says
    assert finding.cure
    assert "hush" not in f"{finding}"


async def test_nobody_listens(tmp_path: Path) -> None:
    """The connection is what is wrong; the rest was not tried."""
    bus = BusSettings(nats_url="nats://127.0.0.1:1", home=tmp_path)

    report = await found(Subject(Settings(), tmp_path, {"platform": bus}))

    assert report["log.connect"].state == "fail"
    assert "nats://127.0.0.1:1" in report["log.connect"].says
    assert "PUSHLINE_NATS_URL" in report["log.connect"].cure
    assert report["log.streams"].state == report["log.consumers"].state == "off"


async def test_a_stream_that_somebody_changed(
    server: LogServer, init: BusSettings, tmp_path: Path
) -> None:
    """The stream and the field are named, and `pushline init` mends it."""
    config = {**streams.declared(init)["LOGS"], "max_age": 3600 * 10**9}
    await call(init, "STREAM.UPDATE.LOGS", config)

    finding = await Check("log.streams", log.declared).run(subject(server, tmp_path))

    assert (finding.state, finding.says) == ("warn", "not as declared: LOGS.max_age")
    assert "pushline init" in finding.cure


async def test_a_stream_that_is_gone(server: LogServer, init: BusSettings, tmp_path: Path) -> None:
    """A missing stream is wrong, not a matter of taste."""
    await call(init, "STREAM.DELETE.USAGE")

    finding = await Check("log.streams", log.declared).run(subject(server, tmp_path))

    assert finding.state == "fail"
    assert "USAGE" in finding.says


async def test_consumers_that_are_gone_or_changed(
    server: LogServer, init: BusSettings, tmp_path: Path
) -> None:
    """The names of the missing, then of those that differ."""
    check, of = Check("log.consumers", log.places), subject(server, tmp_path)
    await call(init, "CONSUMER.DELETE.EVENTS.planner")
    missing = await check.run(of)
    await streams.ensure(init, DURABLE)
    config = (await call(init, "CONSUMER.INFO.EVENTS.builder"))["config"]
    query = {"stream_name": "EVENTS", "config": {**config, "max_deliver": 3}}
    await call(init, "CONSUMER.CREATE.EVENTS.builder", query)
    changed = await check.run(of)

    assert (missing.state, missing.says) == ("fail", "no place for planner")
    assert (changed.state, changed.says) == ("warn", "not as declared: builder")


async def test_a_log_that_is_nearly_full(
    server: LogServer, init: BusSettings, tmp_path: Path
) -> None:
    """A stream that refuses when it is full is told before; dead letters are told as well."""
    small = {**streams.declared(init)["DELIVERIES"], "max_bytes": 20_000}
    await call(init, "STREAM.UPDATE.DELIVERIES", small)
    check, of = Check("log.room", log.room), subject(server, tmp_path)
    async with session(init, name="test") as js:
        for number in range(9):
            await js.publish(f"delivery.local.{number}", b"x" * 2000, {})
        nearly = await check.run(of)
        await js.publish("dead.builder.EVENTS.1", LETTER, {})
    await call(init, "STREAM.PURGE.DELIVERIES")
    await streams.ensure(init, DURABLE)
    buried = await check.run(of)
    await call(init, "STREAM.PURGE.DEADLETTERS")

    assert nearly.state in {"warn", "fail"}
    assert "DELIVERIES 9" in nearly.says
    assert "PUSHLINE_LOG_ROOM" in nearly.cure
    assert (buried.state, buried.says.rpartition("; ")[2]) == ("warn", "1 dead letter")
