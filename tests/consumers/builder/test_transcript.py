"""What a build's log says, and what it must not."""

from datetime import UTC, datetime, timedelta

import pytest

from consumers.builder.buildkit import Log, Status, Vertex, Warning  # noqa: A004
from consumers.builder.transcript import LINE, Cover, Transcript

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
A, B = "sha256:" + "a" * 64, "sha256:" + "b" * 64


def said(*progress: Vertex | Log | Status | Warning) -> list[str]:
    """Return the lines of a whole build."""
    lines: list[str] = []
    transcript = Transcript(lines.append)
    for each in progress:
        transcript.take(each)
    transcript.close()
    return lines


def began(digest: str, name: str) -> Vertex:
    """Return a step that has begun."""
    return Vertex(digest, name, started=BEGAN)


def ended(digest: str, name: str, *, cached: bool = False, error: str = "") -> Vertex:
    """Return a step that has ended after a second and a half."""
    return Vertex(
        digest,
        name,
        started=BEGAN,
        completed=BEGAN + timedelta(seconds=1.5),
        cached=cached,
        error=error,
    )


def test_steps_are_told_by_number() -> None:
    """What begins, what it prints, how it ended; said once, however often BuildKit repeats it."""
    lines = said(
        Vertex(A, "[1/2] FROM base"),
        began(A, "[1/2] FROM base"),
        began(B, "[2/2] RUN make"),
        Log(B, 1, "one\ntwo\n"),
        ended(A, "[1/2] FROM base", cached=True),
        began(B, "[2/2] RUN make"),
        ended(B, "[2/2] RUN make"),
        ended(B, "[2/2] RUN make"),
    )

    assert lines == [
        "#1 [1/2] FROM base",
        "#2 [2/2] RUN make",
        "#2 one",
        "#2 two",
        "#1 CACHED",
        "#2 DONE 1.5s",
    ]


def test_an_error_ends_its_step() -> None:
    """With BuildKit's words for it."""
    lines = said(began(A, "RUN exit 7"), ended(A, "RUN exit 7", error="exit code: 7"))

    assert lines[-1] == "#1 ERROR exit code: 7"


@pytest.mark.weakness(24)
def test_lines_are_put_together() -> None:
    """Cut anywhere, of two streams, without an end: each is said once and whole."""
    lines = said(
        began(A, "RUN make"),
        Log(A, 1, "out"),
        Log(A, 2, "err"),
        Log(A, 1, "put\nmore"),
        ended(A, "RUN make"),
        Log(A, 2, "late"),
    )

    assert lines == ["#1 RUN make", "#1 output", "#1 more", "#1 err", "#1 DONE 1.5s", "#1 late"]


def test_a_progress_bar_is_one_line() -> None:
    """What was overwritten where somebody watched is left out."""
    assert said(began(A, "x"), Log(A, 1, "10%\r50%\r100%\r\n"))[1:] == ["#1 100%"]


def test_a_line_without_an_end_takes_no_memory() -> None:
    """It is said in parts; many of them at once are no more than their steps."""
    lines = said(began(A, "x"), *[Log(A, 1, "y" * 1000)] * 200)

    assert sum(line.count("y") for line in lines) == 200_000
    assert all(len(line) <= LINE + 1010 for line in lines)


def test_warnings_are_said_and_bytes_are_not() -> None:
    """A frontend's advice reaches the pusher; how many bytes went over does not."""
    lines = said(Status(A, "transferring", 1, 2), Warning(A, 1, "JSON arguments recommended"))

    assert lines == ["warning: JSON arguments recommended"]


def test_secrets_are_covered() -> None:
    """Each line of each of them, the longer one first; nothing of one or two letters."""
    cover = Cover([b"s3cr3t-and-more", "s3cr3t", b"-----KEY-----\nAAAA\nBBBB\n", b"x", ""])

    assert cover("pip --token s3cr3t-and-more") == "pip --token ***"
    assert cover("s3cr3t AAAA x BBBB") == "*** *** x ***"
    assert cover("nothing") == "nothing"
