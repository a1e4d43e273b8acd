"""What the command says to who mistypes it, or asks where nothing runs."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from edge.cli.audit.tail import short
from edge.cli.main import NOUNS, run
from edge.cli.settings import Settings
from edge.cli.variables import manual
from tests.laptop import PATIENCE, ROOT


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """Each with what it does, from its docstring."""
    assert run(["--help"]) == 0

    lines = capsys.readouterr().out.splitlines()
    for noun in NOUNS:
        [line] = [line for line in lines if line.startswith(f"│ {noun} ")]
        assert len(line.strip("│ ").split()) > 3, line


def test_the_help_of_up_lists_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    """The same manual as the README's table."""
    assert run(["up", "--help"]) == 0

    said = capsys.readouterr().out
    assert all(row.variable in said for row in manual(Settings))


@pytest.mark.parametrize(
    "command",
    [
        ("up",),
        ("demo",),
        ("events", "tail"),
        ("events", "show"),
        ("run", "ls"),
        ("run", "show"),
        ("run", "logs"),
        ("functions", "ls"),
        ("functions", "show"),
        ("functions", "logs"),
        ("projects", "ls"),
        ("secrets", "ls"),
        ("domains", "ls"),
        ("collect", "ls"),
        ("collect", "undo"),
        ("collect", "--dry-run"),
        ("members", "ls"),
        ("token", "ls"),
        ("context", "ls"),
        ("run", "rerun"),
        ("audit", "tail"),
        ("audit", "verify"),
        ("audit", "sinks"),
        ("deadletter", "ls"),
        ("deadletter", "show"),
        ("events", "resend"),
        ("explain",),
        ("doctor",),
        ("init",),
        ("edge",),
        ("router",),
        ("consumer",),
        ("version",),
    ],
)
def test_every_command_explains_itself(
    command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """Its help is there, and every read has --json."""
    assert run([*command, "--help"]) == 0

    said = capsys.readouterr().out
    assert f"pushline {' '.join(command)}" in said
    stays = {"up", "init", "edge", "router", "consumer"}
    assert "--json" in said or command[0] in stays


@pytest.mark.parametrize(
    "command",
    [
        ("run", "ls"),
        ("run", "show", "01JD"),
        ("functions", "logs", "hello"),
        ("projects", "ls"),
        ("events", "tail"),
        ("events", "show", "1"),
        ("events", "resend", "1"),
        ("deadletter", "ls"),
        ("deadletter", "redrive", "--all"),
    ],
)
def test_where_nothing_runs_the_cure_is_said(
    command: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1, nothing on standard output, and how to start one."""
    assert run([*command, "--home", str(tmp_path)]) == 1

    said = capsys.readouterr()
    assert said.out == ""
    assert f"error: no `pushline up` runs in {tmp_path}" in said.err
    assert f"pushline up --home {tmp_path}" in said.err


def test_an_endpoint_of_a_dead_process_is_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a killed `up` left behind does not lead to a connection error."""
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], check=True,
                          capture_output=True, text=True)  # fmt: skip
    (tmp_path / "endpoint.json").write_text(
        '{"url":"http://localhost:1","host":"127.0.0.1","port":1,"root_domain":"localhost",'
        f'"token":"t","log":"nats://x","pid":{gone.stdout.strip()},'
        '"started":"2026-03-01T00:00:00Z","version":"0"}'
    )

    assert run(["run", "ls", "--home", str(tmp_path)]) == 1
    assert "no `pushline up` runs" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "word"),
    [(("run", "shwo"), "show"), (("evnts",), "events"), (("run", "ls", "--jsno"), "--json")],
)
def test_a_slip_of_the_keys_is_answered_with_the_nearest(
    command: tuple[str, ...], word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, and what was probably meant."""
    assert run(command) == 2
    assert word in capsys.readouterr().err


def test_no_record_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The audit commands read a file; without one they say so."""
    assert run(["audit", "tail", "--home", str(tmp_path)]) == 1
    assert "record.jsonl" in capsys.readouterr().err


def test_version_is_a_number(capsys: pytest.CaptureFixture[str]) -> None:
    """Both ways of asking."""
    assert run(["--version"]) == 0
    number = capsys.readouterr().out.strip()

    assert run(["version"]) == 0
    assert f"pushline {number}" in capsys.readouterr().out


def test_colour_is_for_terminals_alone() -> None:
    """The same error: escapes on a terminal, none in a pipe."""
    command = [sys.executable, "-m", "edge.cli.main", "run", "ls", "--home", "/nonexistent"]
    piped = subprocess.run(
        command, cwd=ROOT, check=False, capture_output=True, timeout=PATIENCE
    ).stderr
    ours, theirs = pty.openpty()
    shown = subprocess.run(command, cwd=ROOT, check=False, stderr=theirs, timeout=PATIENCE)
    os.close(theirs)
    on_terminal = os.read(ours, 10_000)
    os.close(ours)

    assert shown.returncode == 1
    assert b"\x1b[" in on_terminal
    assert b"\x1b" not in piped


def test_a_closed_pipe_is_no_error() -> None:
    """`pushline --help | head -1` ends in silence."""
    command = [sys.executable, "-m", "edge.cli.main", "--help"]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        said = process.stderr.read()

    assert b"Traceback" not in said


def test_a_cause_is_told_by_its_last_fact() -> None:
    """An id holds all that led to it; people are shown the last step, or the delivery."""
    assert short("source:planner:intake:local:a/b:1:branch.pushed:run.queued") == "run.queued"
    assert short("builder:source:x:run.archived:hello") == "run.archived"
    assert short("github:72d3162e-cc78-11e3") == "github:72d3162e-cc78-11e3"
