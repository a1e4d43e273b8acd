"""The audit record, as the doctor finds it."""

from datetime import UTC, datetime
from pathlib import Path

from bus.connection import Bus
from consumers.audit.record import GENESIS
from consumers.audit.sinks import Named, State, configure
from edge.cli.doctor import audit
from edge.cli.doctor.finding import Finding, Subject
from edge.cli.home import Home
from edge.cli.settings import Settings
from schemas.events.run import RunFinished
from tests.consumers.audit.chain import RUN, chain, written


async def found(home: Path, bus: Bus | None = None) -> dict[str, Finding]:
    """Run the checks; return them by name."""
    roles = {} if bus is None else {"platform": bus.settings}
    subject = Subject(Settings(), home, roles)
    return {check.name: await check.run(subject) for check in audit.CHECKS}


async def test_where_nothing_is_nothing_is_wrong(tmp_path: Path) -> None:
    """Audit may run in another home."""
    assert {finding.state for finding in (await found(tmp_path)).values()} == {"off"}


async def test_a_record_that_holds_and_keeps_up(bus: Bus, tmp_path: Path) -> None:
    """Its last record, beside the log's."""
    for number in range(3):
        await bus.log.append(RunFinished(outcome="live"), of=RUN, id=f"t:{number}")
    written(Home(tmp_path).audit, chain(3))

    finding = (await found(tmp_path, bus))["audit.record"]

    assert (finding.state, finding.says) == ("ok", "it holds up to #3 of 3")


async def test_a_record_that_knows_more_than_the_log(bus: Bus, tmp_path: Path) -> None:
    """The log was rewound, or is another one."""
    written(Home(tmp_path).audit, chain(3))

    finding = (await found(tmp_path, bus))["audit.record"]

    assert finding.state == "fail"
    assert "the log ends at 0" in finding.says


async def test_a_changed_record_is_named(tmp_path: Path) -> None:
    """Without a log, too."""
    path = written(Home(tmp_path).audit, chain(3))
    path.write_bytes(path.read_bytes().replace(b'"live"', b'"dead"', 1))

    finding = (await found(tmp_path))["audit.record"]

    assert finding.state == "fail"
    assert "#1 was changed" in finding.says
    assert finding.cure


async def test_a_sink_that_takes_nothing_is_seen(tmp_path: Path) -> None:
    """Which one, why, and how much waits for it."""
    path = written(Home(tmp_path).audit, chain(5))
    configure(path, [Named("files", "file"), Named("siem", "http")])
    State(seq=5, hash=GENESIS).write(path, "files")
    failing = State(
        seq=2, hash=GENESIS, failing=datetime.now(UTC), attempts=3, error="answered 503"
    )
    failing.write(path, "siem")

    finding = (await found(tmp_path))["audit.sinks"]
    State(seq=5, hash=GENESIS).write(path, "siem")
    mended = (await found(tmp_path))["audit.sinks"]

    assert (finding.state, finding.says) == ("warn", "siem answered 503, 3 wait")
    assert (mended.state, mended.says) == ("ok", "files at #5, siem at #5")
