"""A line of the record: what it says, what it depends on, and that a change shows."""

import hashlib
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.audit.record import GENESIS, Broken, before_of, checked, line_of, parse
from schemas.events.run import RunBuildFailed
from tests.consumers.audit.chain import RUN, chain, message, raw


def test_a_record_says_who_what_when_and_why() -> None:
    """All of the envelope that an auditor asks for, and what the fact says."""
    record = parse(line_of(message(7), GENESIS).text)

    assert (record.who, record.what, record.seq) == ("planner", "run.finished/1", 7)
    assert record.on == f"local:alice/hello:run:{RUN.id}"
    assert (record.project, record.cause, record.run) == ("alice/hello", "deployer:7", RUN.id)
    assert record.detail == {"outcome": "live"}
    assert record.time.isoformat() == "2026-03-01T00:00:00+00:00"


def test_the_log_of_a_build_is_not_copied() -> None:
    """What programs print may hold anything; the record says where it stands."""
    fact = RunBuildFailed(function="hello", code="c", message="m", tail=("secret",))

    line = line_of(message(1, fact), GENESIS)

    assert b"secret" not in line.text
    assert parse(line.text).detail == {"function": "hello", "code": "c", "message": "m"}


def test_a_network_is_told_where_the_fact_says_it() -> None:
    """Who signed in from where stands in a column of its own."""
    body = b'{"type":"session.signed-in/1","source":"192.0.2.0/24"}'
    of = {"ce-id": "x:1", "ce-type": "session.signed-in/1", "ce-time": "2026-03-01T00:00:00Z"}

    record = parse(line_of(raw(1, "ev.=.=.session.s1.signed-in", of, body), GENESIS).text)

    assert record.source == "192.0.2.0/24"
    assert record.who == "x"


def test_a_fact_of_a_newer_release_is_recorded_whole() -> None:
    """A line is made of the message alone, so that every release writes the same bytes."""
    headers = {"ce-id": "p:1", "ce-type": "run.painted/9", "ce-time": "2026-03-01T00:00:00Z"}

    record = parse(
        line_of(raw(1, "ev.local.a.run.1.painted", headers, b'{"colour":"red"}'), GENESIS).text
    )

    assert (record.what, record.detail) == ("run.painted/9", {"colour": "red"})


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff\xfe", b'{"source":7}', b"{" * 500])
@pytest.mark.parametrize("subject", ["ev.a", "ev.a.b.c.d.e", "ev.=ZZ.b.c.d.e.f"])
def test_poison_is_recorded(subject: str, body: bytes) -> None:
    """Whatever stands in the log has its place in the chain: nothing stops the record."""
    line = line_of(raw(5, subject, {}, body), GENESIS)

    assert checked(line.text, GENESIS) == line
    assert f'"body":"{hashlib.sha256(body).hexdigest()}"'.encode() in line.text


def test_the_hash_is_that_of_the_bytes_before_it() -> None:
    """An auditor needs nothing but sha256."""
    line = line_of(message(1), GENESIS)
    content, _, rest = line.text.rpartition(b',"hash":')

    assert hashlib.sha256(content).hexdigest() == json.loads(rest[:-1]) == line.hash


def test_each_record_carries_the_hash_of_the_one_before() -> None:
    """A chain holds, and ends with the last one's hash."""
    lines = chain(3)

    assert [before_of(line) for line in lines] == [GENESIS, lines[0].hash, lines[1].hash]
    assert [checked(line.text, before_of(line)) for line in lines] == lines


def test_a_record_in_another_place_does_not_follow() -> None:
    """The link to the line before is a part of what is checked."""
    first, second, _ = chain(3)

    with pytest.raises(Broken, match="does not follow"):
        checked(second.text, second.hash)
    assert checked(second.text, first.hash).seq == 2


@given(st.integers(min_value=0), st.integers(min_value=1, max_value=255))
def test_no_flipped_byte_goes_unseen(place: int, change: int) -> None:
    """Whichever byte of a line is another one, the line no longer holds."""
    line = line_of(message(1), GENESIS)
    body = bytearray(line.text)
    body[place % len(body)] ^= change

    with pytest.raises(Broken):
        checked(bytes(body), GENESIS)


@given(st.binary(max_size=300))
def test_no_bytes_are_another_error(text: bytes) -> None:
    """Whatever stands in a file, it is a record or Broken says that it is none."""
    with pytest.raises(Broken):
        checked(text, None)


def test_a_line_is_one_json_object() -> None:
    """Nothing in a fact can end the line early."""
    fact = RunBuildFailed(function='a"\n\u2028', code="c", message='m\r\n,"hash":"')

    line = line_of(message(1, fact), GENESIS)

    assert b"\n" not in line.text
    assert msgspec.json.decode(line.text)["detail"]["message"] == 'm\r\n,"hash":"'
    assert checked(line.text, GENESIS) == line
