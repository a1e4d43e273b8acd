"""`pushline doctor` as an operator runs it."""

import asyncio
import json
import os
import pty
import subprocess
from pathlib import Path

from edge.cli.doctor.command import CHECKS
from edge.cli.doctor.finding import Check, Outcome, Subject, fail, ok
from edge.cli.settings import Settings
from schemas.errors import LogUnavailable
from tests.laptop import PATIENCE, PUSHLINE, ROOT, laptop

SHAPE = {"check", "state", "says", "cure", "ms"}


def doctor(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run the command."""
    return subprocess.run(
        [*PUSHLINE, "doctor", *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


def test_a_laptop_is_well(tmp_path: Path) -> None:
    """Beside a running `up`: all that it has works, as each of its roles, the rest is off."""
    with laptop(tmp_path) as here:
        done = doctor("--json", "--home", str(here.home))

    found = {row["check"]: row for row in map(json.loads, done.stdout.splitlines())}
    assert done.returncode == 0, done.stdout
    assert list(found) == [check.name for check in CHECKS]
    assert all(set(row) == SHAPE for row in found.values())
    assert found["log.connect"]["says"].endswith(
        "reached as init, platform, supervisor, router, operator, replay"
    )
    for name in ("log.streams", "log.consumers", "log.room", "edge", "blobs.folder"):
        assert found[name]["state"] == "ok", found[name]
    for name in ("blobs.bucket", "build.daemon", "build.image", "registry", "gateway"):
        assert found[name]["state"] == "off", found[name]


def test_what_is_wrong_is_the_exit_code(tmp_path: Path) -> None:
    """A part that is configured and not there: exit code 1, its line, its cure, no traceback."""
    done = doctor(
        "--home",
        str(tmp_path),
        PUSHLINE_PLATFORM="openfaas",
        PUSHLINE_GATEWAY_URL="http://127.0.0.1:1",
    )

    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert done.returncode == 1
    assert rows[0] == ["check", "state", "what", "cure"]
    [gateway] = [row for row in rows if row[0] == "gateway"]
    assert gateway[1] == "wrong"
    assert "PUSHLINE_GATEWAY_URL" in gateway[3]
    assert done.stderr == ""


def test_a_terminal_is_shown_colours_and_a_count(tmp_path: Path) -> None:
    """People see each state in its colour, the cure below what is wrong, and a sum."""
    ours, theirs = pty.openpty()
    command = [*PUSHLINE, "doctor", "--home", str(tmp_path)]
    environment = os.environ | {"COLUMNS": "100", "TERM": "xterm"}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=theirs) as process:
        os.close(theirs)
        shown = b""
        try:
            while chunk := os.read(ours, 4096):
                shown += chunk
        except OSError:  # the terminal's other end is closed: all was read
            pass
        assert process.wait(PATIENCE) == 0
    os.close(ours)

    text = shown.decode()
    assert "\x1b[32mok" in text
    assert "not tried" in text.splitlines()[-1]
    assert max(len(line) for line in text.splitlines()) < 140  # with its escapes


def subject(**chosen: str) -> Subject:
    """Return an installation with these settings."""
    return Subject(Settings(**chosen), Path("/nonexistent"), {})  # type: ignore[arg-type]


async def test_a_part_that_hangs_is_given_up() -> None:
    """The time of a check is its own; the others do not wait for it."""

    async def hangs(_: Subject) -> Outcome:
        await asyncio.Event().wait()
        return ok("never")

    found = await Check("x", hangs, 0.05, "wake it").run(subject())

    assert (found.state, found.says) == ("fail", "no answer within 0.05 s")
    assert found.cure == "wake it"
    assert found.ms >= 50


async def test_an_error_is_a_finding_with_a_cure() -> None:
    """One of ours brings its cure; a stranger gets the check's own."""

    async def known(_: Subject) -> Outcome:
        raise LogUnavailable("no log", hint="start it")

    async def strange(_: Subject) -> Outcome:
        raise RuntimeError("what?")

    ours = await Check("x", known, cure="other").run(subject())
    theirs = await Check("x", strange, cure="look").run(subject())

    assert (ours.state, ours.says, ours.cure) == ("fail", "no log", "start it")
    assert (theirs.state, theirs.says, theirs.cure) == ("fail", "RuntimeError: what?", "look")


async def test_no_secret_is_shown_whoever_says_it() -> None:
    """A server that repeats our password does not get it into the report."""

    async def leaks(of: Subject) -> Outcome:
        return fail(f"{of.chosen.s3_secret_key} is wrong", f"not {of.chosen.s3_secret_key}")

    found = await Check("x", leaks).run(subject(s3_secret_key="hush-hush"))

    assert (found.says, found.cure) == ("*** is wrong", "not ***")
