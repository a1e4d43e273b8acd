"""The envelope on the wire."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus import envelope
from bus.publish import block
from schemas import catalog, subjects
from schemas.envelope import Aggregate, Recorded
from schemas.errors import Undecodable
from schemas.events import Event
from schemas.events.run import RunBuildStarted

TEXT = st.text(st.characters(codec="utf-8"), max_size=80)
NAME = TEXT.filter(bool)
FACT = RunBuildStarted(function="f")


@given(TEXT)
def test_a_header_is_printable_and_comes_back(text: str) -> None:
    """Any text survives as a header value; what is sent is ASCII without spaces and quotes."""
    value = envelope.escape(text)

    assert all(0x21 <= ord(char) <= 0x7E and char != '"' for char in value)
    assert envelope.unescape(value) == text


CAUSE: Recorded[Event] = Recorded(
    FACT, Aggregate("local", "a/b", "run", "1"), "cause é", 6, envelope.now(), run="1", trace="00-1"
)


@given(
    forge=st.sampled_from(["local", "github"]),
    project=TEXT,
    kind=st.sampled_from(["run", "branch"]),
    id=TEXT,
    event=NAME,
    actor=TEXT,
    cause=st.sampled_from([None, CAUSE]),
)
def test_an_event_comes_back(
    *,
    forge: str,
    project: str,
    kind: str,
    id: str,
    event: str,
    actor: str,
    cause: Recorded[Event] | None,
) -> None:
    """Aggregates, ids and actors of any length and alphabet are read as they were written.

    The quick way, the usual one and the one by a mapping of headers see the same.
    """
    of = Aggregate(forge, project, kind, id)
    headers = envelope.of_fact(FACT, of, event, cause=cause, run="", actor=actor, name="")
    where, sent, body = subjects.subject(of, FACT), block(headers), catalog.encode(FACT)

    read = envelope.event_of(where.encode(), sent, body, 7)

    assert (read.of, read.id, read.actor, read.fact) == (of, event, actor, FACT)
    assert (read.cause, read.trace) == (("cause é", "00-1") if cause else ("", ""))
    assert read.run == ((id if kind == "run" else "") or ("1" if cause else ""))
    assert read == envelope.to_event(where, envelope.parse(sent), body, 7)
    assert read == envelope.to_event(where, headers, body, 7)


def test_what_is_usually_written_is_read_the_quick_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fact with all that one usually has is read by one pattern; history is read at its pace."""
    monkeypatch.setattr(envelope, "parse", lambda _: pytest.fail("read the slow way"))
    of = Aggregate("github", "1296269", "branch", "feature/ä")
    headers = envelope.of_fact(FACT, of, "e", cause=CAUSE, run="r", actor="a b", name="alice/shop")
    guarded = {**headers, "Nats-Expected-Last-Subject-Sequence": "5"}
    where = subjects.subject(of, FACT).encode()

    for each in (headers, guarded):
        event = envelope.event_of(where, block(each), catalog.encode(FACT), 7)
        assert (event.of, event.run, event.actor, event.name) == (of, "r", "a b", "alice/shop")


@pytest.mark.parametrize(
    "change",
    [
        {"ce-type": "run.sung/1"},  # of a newer release
        {"ce-replayid": "r1"},
        {"ce-zone": "further attributes may come"},
    ],
)
def test_what_is_written_otherwise_is_read_too(change: dict[str, str]) -> None:
    """Headers of a newer release, and those of replays, are read as they always were."""
    of = Aggregate("github", "1296269", "run", "1")
    headers = envelope.of_fact(FACT, of, "e", cause=None, run="", actor="", name="") | change
    where, body = subjects.subject(of, FACT), catalog.encode(FACT)

    event = envelope.event_of(where.encode(), block(headers), body, 7)

    assert event == envelope.to_event(where, headers, body, 7)
    assert event.replay == change.get("ce-replayid", "")


def test_what_cannot_be_read_names_its_sequence() -> None:
    """A body that breaks its promise is told with its place, whichever way it is read."""
    of = Aggregate("github", "1296269", "run", "1")
    headers = envelope.of_fact(FACT, of, "e", cause=None, run="", actor="", name="")
    where = subjects.subject(of, FACT).encode()

    for each in (headers, {**headers, "ce-zone": "x"}):
        with pytest.raises(Undecodable, match="event 7"):
            envelope.event_of(where, block(each), b"{", 7)


@given(forge=TEXT.filter(lambda text: "/" not in text), id=TEXT, header=TEXT, body=st.binary())
def test_a_delivery_comes_back(forge: str, id: str, header: str, body: bytes) -> None:
    """A webhook's identity, chosen headers and body are read as they were stored."""
    headers = envelope.of_delivery(forge, id, {"x-github-event": header})
    delivery = envelope.to_delivery(headers, body, 7)
    assert (delivery.forge, delivery.id, delivery.body) == (forge, id, body)
    assert delivery.headers == {"x-github-event": header}
