"""The end of a log, within what a forge takes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.status.texts.logs import LIMIT, framed, tail
from tests.heavy.forges.markdown import acts, shown


@pytest.mark.conformance("formatLog")
@pytest.mark.weakness(24)
def test_long_log_keeps_its_end_within_the_limit() -> None:
    """All of it counts: the frame, and the sentence that says how much there was."""
    assert framed("one\ntwo\n") == "\n```shell\none\ntwo\n```\n"
    log = "".join(f"line {number}\n" for number in range(10_000))

    text = framed(log)

    assert text.startswith(
        f"Warning: log size ({len(log) + 14}) bytes exceeded (65535) bytes so was truncated. "
        "See dashboard for full logs.\n\n```shell\nline "
    )
    assert text.endswith("line 9998\nline 9999\n```\n")
    assert LIMIT - 20 < len(text.encode()) <= LIMIT


@pytest.mark.conformance("truncate")
@pytest.mark.weakness(24)
def test_tail_is_of_whole_letters() -> None:
    """So many bytes, less what is left of a letter that was cut."""
    assert tail("Some random string", 7) == " string"
    assert tail("日本", 5) == "本"
    assert tail("x", 0) == ""


@given(st.text(alphabet="`a\né🎉\x1b", max_size=400), st.integers(0, 500))
def test_no_log_is_longer_than_its_limit_or_leaves_its_frame(log: str, limit: int) -> None:
    """Whatever letters it has, wherever it is cut."""
    text = framed(log, limit)

    assert len(text.encode()) <= limit
    assert acts(text) == []
    assert len(shown(text)) == bool(text)


def test_a_log_of_backticks_is_shown() -> None:
    """A frame that would need more room than there is takes fewer of them."""
    text = framed("`" * 100_000 + "\nend\n")
    assert "end" in text
    assert len(text.encode()) <= LIMIT
