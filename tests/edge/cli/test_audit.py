"""`pushline audit` against a real log: what is wrong with a record is named at the terminal."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bus.connection import Bus
from consumers.audit.consumer import audit
from consumers.audit.file import last_line
from consumers.audit.record import GENESIS, checked, line_of
from edge.cli.audit import verification
from edge.cli.main import run
from schemas.events.run import RunFinished
from tests.bus.workers import eventually
from tests.consumers.audit.chain import RUN, chained, message

COUNT = 40

Say = Callable[..., Any]


def reached(path: Path) -> int:
    """Return the last sequence in a record."""
    text = last_line(path)[1] if path.exists() else b""
    return checked(text, None).seq if text else 0


@pytest.fixture
async def record(bus: Bus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the record of a log with some events, in a home that commands find."""
    for number in range(COUNT):
        fact = RunFinished(outcome="live", message=str(number))
        of = msgspec.structs.replace(RUN, id=f"run-{number}")
        who = "alice" if number % 4 else "bob"
        await bus.log.append(fact, of=of, id=f"test:{number}", actor=who, name=f"{who}/shop")
    path = tmp_path / "there" / "audit" / "record.jsonl"
    await recorded(bus, path)
    monkeypatch.setenv("PUSHLINE_HOME", str(tmp_path / "there"))
    monkeypatch.setenv("PUSHLINE_NATS_URL", bus.settings.nats_url)
    monkeypatch.setattr(verification, "PATIENCE", 0.1)
    return path


async def recorded(bus: Bus, path: Path) -> None:
    """Write the record of all that is in the log."""
    stopping, head = asyncio.Event(), await bus.log.head()
    task = asyncio.create_task(audit(bus, path, stopping))
    await eventually(lambda: reached(path) >= head)
    stopping.set()
    await task


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    """Return what runs a command beside the loop: its code, what it said, what went wrong."""

    async def said(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = await asyncio.to_thread(run, arguments)
        told = capsys.readouterr()
        return code, told.out, told.err

    return said


async def verified(say: Say, *arguments: str) -> dict[str, Any]:
    """Return what verification found."""
    code, out, err = await say("audit", "verify", "--json", *arguments)
    assert code == 0, err
    found: dict[str, Any] = json.loads(out)
    return found


async def test_only_what_is_new_is_verified(record: Path, say: Say) -> None:
    """The second time nothing, with --whole everything, each for itself with and without log."""
    first, second = await verified(say), await verified(say)
    log = await verified(say, "--log")
    whole = await verified(say, "--whole")

    assert (first["records"], second["records"], whole["records"]) == (COUNT, 0, COUNT)
    assert (log["records"], log["log"], log["verified"]) == (COUNT, True, COUNT)
    assert await verified(say, "--log") == log | {"records": 0, "since": COUNT + 1}
    assert record.with_name("verified.json").exists()


async def test_a_flipped_byte_is_named(record: Path, say: Say) -> None:
    """Which record, and that it was changed."""
    record.write_bytes(record.read_bytes().replace(b'"message":"7"', b'"message":"8"'))

    code, _, err = await say("audit", "verify")

    assert code == 1
    assert "#8 was changed" in err


async def test_a_line_that_is_none_is_no_traceback(record: Path, say: Say) -> None:
    """Whoever reads the record is told to verify it."""
    record.write_bytes(record.read_bytes().replace(b'{"seq":40,', b'{"sep":40,'))

    for command in (("tail",), ("export",), ("verify", "--log"), ("sinks",)):
        code, _, err = await say("audit", *command)
        assert code == 1
        assert "error: " in err


async def test_a_cut_tail_is_named(bus: Bus, record: Path, say: Say) -> None:
    """By itself the record still holds: the log knows more; audit adds it again."""
    lines = record.read_bytes().splitlines(keepends=True)
    record.write_bytes(b"".join(lines[:25]))

    alone = await verified(say)
    code, _, err = await say("audit", "verify", "--log")
    await recorded(bus, record)

    assert alone["verified"] == 25
    assert code == 1
    assert "the record ends at #25, the log goes on to 40" in err
    assert (await verified(say, "--whole", "--log"))["verified"] == COUNT


async def test_another_logs_record_is_named(record: Path, say: Say) -> None:
    """A chain that holds by itself, of events that this log has otherwise, or has not."""
    forged = chained(message(seq) for seq in range(1, COUNT + 1))
    record.write_bytes(b"".join(line.text + b"\n" for line in forged))
    other = await say("audit", "verify", "--log")
    more = chained([message(COUNT + 1)], forged[-1].hash)
    record.write_bytes(record.read_bytes() + more[0].text + b"\n")
    rewound = await say("audit", "verify", "--whole", "--log")

    assert (await verified(say, "--whole"))["verified"] == COUNT + 1
    assert (other[0], rewound[0]) == (1, 1)
    assert "#1 is not what the log has at 1" in other[2]
    assert "knows events up to #41, the log ends at 40" in rewound[2]


async def test_an_export_is_verified_alone(
    record: Path, say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anywhere, without a home or a log; a change is named there, too."""
    out = tmp_path / "part.jsonl"
    code, _, err = await say("audit", "export", "--from", "11", "--to", "20", "--out", str(out))
    monkeypatch.delenv("PUSHLINE_NATS_URL")
    monkeypatch.setenv("PUSHLINE_HOME", str(tmp_path / "nowhere"))
    whole = await verified(say, str(out))
    out.write_bytes(out.read_bytes().replace(b'"live"', b'"dead"', 1))
    changed = await say("audit", "verify", str(out))

    assert code == 0
    assert (whole["since"], whole["verified"], whole["records"]) == (11, 20, 10)
    assert whole["hash"] in err
    assert changed[0] == 1
    assert "#11 was changed" in changed[2]
    assert record.exists()


async def test_the_tail_is_narrowed_and_resumed(record: Path, say: Say) -> None:
    """By project, actor, kind and sequence; the newest ones, in order."""

    async def seqs(*arguments: str) -> list[int]:
        code, out, err = await say("audit", "tail", "--json", *arguments)
        assert code == 0, err
        return [json.loads(line)["seq"] for line in out.splitlines()]

    assert await seqs("--limit", "3") == [38, 39, 40]
    assert await seqs("--after", "37") == [38, 39, 40]
    assert await seqs("--actor", "bob", "--limit", "2") == [33, 37]
    assert await seqs("--project", "bob/shop") == list(range(1, COUNT + 1, 4))
    assert await seqs("--kind", "run.*", "--limit", "1") == [40]
    assert await seqs("--kind", "token.*") == []
    assert await seqs("--until", "1h") == []
    assert record.exists()


async def test_a_slip_in_a_filter_is_told(record: Path, say: Say) -> None:
    """The option, and how it is written."""
    code, _, err = await say("audit", "tail", "--since", "yesterday")

    assert code == 1
    assert "since: 'yesterday' is no time" in err
    assert record.exists()


def test_the_first_record_follows_on_none() -> None:
    """What all chains begin with is known to everybody."""
    assert GENESIS.encode() in line_of(message(1), GENESIS).text
