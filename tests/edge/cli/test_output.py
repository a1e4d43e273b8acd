"""What commands print, word for word: in a pipe, on a terminal, as JSON."""

import io
import json
from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest
from rich.console import Console
from rich.text import Text

from edge.api.runs import Part, Run
from edge.api.shapes import LogLine, run_view
from edge.api.waterfall import Step, Waterfall
from edge.cli import bars, run
from edge.cli.functions import print_lines
from edge.cli.output import duration, since, state, table, when
from schemas.events.run import Problem
from schemas.ids import run_id

PUSHED = datetime(2026, 3, 1, 12, tzinfo=UTC)

FALL = Waterfall(
    start=PUSHED,
    total_ms=1000,
    own_ms=250,
    steps=(
        Step(name="plan", start_ms=0, waiting_ms=0, working_ms=50),
        Step(name="source", start_ms=50, waiting_ms=0, working_ms=150),
        Step(
            name="build",
            function="hello",
            start_ms=200,
            waiting_ms=100,
            working_ms=400,
            outside_ms=350,
        ),
        Step(
            name="build", function="site", start_ms=200, waiting_ms=0, working_ms=2, state="cached"
        ),
        Step(
            name="deploy",
            function="hello",
            start_ms=700,
            waiting_ms=0,
            working_ms=300,
            outside_ms=250,
            state="failed",
        ),
    ),
)

IN_A_PIPE = """\
  plan          worked 50 ms
  source        worked 150 ms
  build hello   waited 100 ms, worked 400 ms (tools 350 ms)
  build site    cached
  deploy hello  worked 300 ms (own start 250 ms)  failed
  total 1.00 s, of which Pushline's own 250 ms (own_ms 250)
"""

ON_A_TERMINAL = """\
  plan          █                     worked 50 ms
  source         ███                  worked 150 ms
  build hello       ░░████████        waited 100 ms, worked 400 ms (tools 350 ms)
  build site        █                 cached
  deploy hello                ██████  worked 300 ms (own start 250 ms)  failed
  total 1.00 s, of which Pushline's own 250 ms (own_ms 250)
"""


def drawn(*, terminal: bool, colour: bool = False) -> str:
    """Return the waterfall as a console shows it."""
    out = io.StringIO()
    system: Literal["standard"] | None = "standard" if colour else None
    bars.draw(
        FALL,
        Console(file=out, force_terminal=terminal, width=90, color_system=system, soft_wrap=True),
    )
    return out.getvalue()


def test_a_waterfall_in_a_pipe_is_words() -> None:
    """No bar and no escape: a program can read it."""
    assert drawn(terminal=False) == IN_A_PIPE


def test_a_waterfall_on_a_terminal_has_bars() -> None:
    """Waiting is light, working is full, each begins where it began."""
    lines = [line.rstrip() for line in drawn(terminal=True).splitlines()]

    assert lines == [line.rstrip() for line in ON_A_TERMINAL.splitlines()]
    assert "\x1b[31m" in drawn(terminal=True, colour=True)


@pytest.mark.parametrize("total", [0, 1, 7, 60_000])
def test_a_bar_stays_in_its_room(total: int) -> None:
    """However short or long, whatever begins at the very end."""
    for start in (0, total // 2, total):
        step = Step(name="x", start_ms=start, waiting_ms=total, working_ms=total)

        assert bars.bar(step, total, 30).cell_len == 30


def test_a_run_is_told_whole(capsys: pytest.CaptureFixture[str]) -> None:
    """What failed and why, its last lines, warnings with their line, and where the rest answers."""
    hello = Part(
        function="hello",
        archived=PUSHED + timedelta(milliseconds=30),
        build_started=PUSHED + timedelta(milliseconds=40),
        failed=PUSHED + timedelta(milliseconds=90),
        code="build_failed",
        message="pip could not install flask",
        tail=("no such version",),
    )
    row = Run(
        id=run_id("intake:1", PUSHED),
        seq=2,
        forge="local",
        project="alice/hello",
        name="alice/hello",
        label="alice",
        environment="production",
        generation=1,
        branch="main",
        sha="ab" * 20,
        pusher="alice",
        outcome="partly",
        queued=PUSHED + timedelta(milliseconds=10),
        resolved=PUSHED + timedelta(milliseconds=30),
        ended=PUSHED + timedelta(milliseconds=100),
        parts={"hello": hello},
        warnings=(Problem("is not honoured yet", line=4, field="functions.hello.labels"),),
    )

    run.shown(run_view(row, PUSHED, {"site": "http://alice.localhost:8080/site"}))

    assert capsys.readouterr().out == (
        f"alice/hello main abababababab  partly  run {row.id}\n"
        f"pushed {when(PUSHED)} by alice, to production\n"
        "\n"
        "  plan         worked 10 ms\n"
        "  source       worked 20 ms\n"
        "  build hello  waited 10 ms, worked 50 ms  failed\n"
        "  finish       worked 10 ms\n"
        "  total 100 ms, of which Pushline's own 100 ms (own_ms 100)\n"
        "warning stack.yml:4: functions.hello.labels: is not honoured yet\n"
        "hello: pip could not install flask\n"
        "  no such version\n"
        "site answers at http://alice.localhost:8080/site\n"
    )


def test_a_table_in_a_pipe_is_tabs(capsys: pytest.CaptureFixture[str]) -> None:
    """One heading line, then a row a line, nothing folded or cut."""
    long = "x" * 300

    table(("A", "B"), [("1", state("live")), (long, Text("[bold]"))], empty="none")

    assert capsys.readouterr().out == f"A\tB\n1\tlive\n{long}\t[bold]\n"


def test_an_empty_table_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing there is told in a sentence."""
    table(("A",), [], empty="no runs yet: push something")

    assert capsys.readouterr().out == "no runs yet: push something\n"


def test_what_a_function_prints_cannot_steer_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """An escape in a log line is shown, not obeyed; as JSON it is whole."""
    item = LogLine(seq=1, time=PUSHED, function="hello", text="a\x1b[2Jb\nc")

    print_lines([item], json=False, named=True)
    print_lines([item], json=True, named=True)

    *lines, body = capsys.readouterr().out.splitlines()
    assert lines == [f"{when(PUSHED)} hello a�[2Jb", f"{when(PUSHED)} hello c"]
    assert json.loads(body)["text"] == "a\x1b[2Jb\nc"


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0, "0 ms"),
        (999, "999 ms"),
        (1000, "1.00 s"),
        (12_345, "12.35 s"),
        (100_000, "1 min 40 s"),
        (7_440_000, "2 h 4 min"),
    ],
)
def test_a_duration_has_a_unit(milliseconds: float, text: str) -> None:
    """The unit fits the length."""
    assert duration(milliseconds) == text


def test_a_time_has_a_zone_and_a_day_unless_it_is_today() -> None:
    """Today's times are short; all have their zone."""
    zone = PUSHED.astimezone().tzname()
    assert zone
    today, later = when(PUSHED, PUSHED), when(PUSHED, PUSHED + timedelta(days=2))

    assert today.endswith(f"00 {zone}")
    assert "2026" not in today
    assert later == f"{PUSHED.astimezone():%Y-%m-%d} {today}"


def test_a_span_is_a_number_and_a_unit() -> None:
    """As people write it; anything else is refused with the shapes."""
    assert since("10m") == timedelta(minutes=10)
    assert since("3d") == timedelta(days=3)
    for wrong in ("", "m", "10", "1.5h", "tomorrow"):
        with pytest.raises(ValueError, match="write 45s"):
            since(wrong)
