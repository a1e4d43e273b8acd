"""Ids: derived, sortable, checked."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.events.run import RunBuilt
from schemas.ids import Digest, Sha, digest_of, event_id, run_id, tag_of

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
TIMES = st.datetimes(datetime(2020, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone


def test_an_event_id_says_who_why_and_what() -> None:
    """Crashed and begun again, a consumer writes the same id; another outcome has another."""
    assert event_id("builder", "source:x:run.archived:f", RunBuilt, "hello") == (
        "builder:source:x:run.archived:f:run.built:hello"
    )
    assert tag_of(RunBuilt) == "run.built/1"


@given(st.text(), TIMES)
def test_a_run_id_is_a_ulid(cause: str, time: datetime) -> None:
    """26 letters of Crockford's alphabet that fit into 128 bits; the same for the same cause."""
    id = run_id(cause, time)

    assert len(id) == 26
    assert set(id) <= set("0123456789ABCDEFGHJKMNPQRSTVWXYZ")
    assert id[0] in "01234567"
    assert id == run_id(cause, time)


@given(st.text(), st.text(), TIMES)
def test_run_ids_sort_by_time(one: str, other: str, time: datetime) -> None:
    """A later run's id is greater, whatever the causes; of one moment they differ."""
    assert run_id(one, time) < run_id(other, time + timedelta(milliseconds=2))
    assert (run_id(one, time) == run_id(other, time)) == (one == other)


def test_a_run_id_is_what_it_always_was() -> None:
    """Replay has to find the same ids."""
    assert run_id("intake:local:1:branch.pushed", NOON) == "01M86PTPG03H8DRQKK9B2F25P3"


@pytest.mark.parametrize("text", ["", "abc", "g" * 40, "A" * 40, "a" * 41, "a" * 64 + "\n"])
def test_what_is_no_commit_is_refused(text: str) -> None:
    """A commit's name has 40 or 64 lower-case hex digits."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(text, Sha)


@pytest.mark.parametrize("text", ["a" * 40, "0" * 64])
def test_commits(text: str) -> None:
    """SHA-1 and SHA-256."""
    assert msgspec.convert(text, Sha) == text


@given(st.binary())
def test_a_digest_is_one(body: bytes) -> None:
    """A content address passes its own check."""
    assert msgspec.convert(digest_of(body), Digest) == digest_of(body)
