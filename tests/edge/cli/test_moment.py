"""`--at` as people write it."""

from datetime import UTC, datetime, timedelta

import pytest

from edge.cli.moment import moment


@pytest.mark.parametrize("text", ["", "1842", "2026-01-31T12:00:00Z", "yesterday"])
def test_what_the_api_takes_goes_there_as_it_is(text: str) -> None:
    """Sequences and times; what is neither is refused there, with its cure."""
    assert moment(text) == text


def test_a_span_is_the_time_so_long_ago() -> None:
    """2h is two hours before now, with its zone."""
    then = datetime.fromisoformat(moment("2h"))

    assert timedelta(hours=2) <= datetime.now(UTC) - then < timedelta(hours=2, minutes=1)
