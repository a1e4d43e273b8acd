"""What somebody wants to see of the log, and whose an event is: pure."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.api.eventline import audit_line_of, line_of
from edge.api.visible import resource_of
from edge.api.wanted import Wanted, WantedInvalid, wanted
from edge.auth.policy import INSTALLATION, Resource
from schemas.envelope import Aggregate, Recorded, Unknown, tenant
from schemas.events import Event
from schemas.events.run import RunBuildFailed, RunFinished

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
RUN = Aggregate("github", "42", "run", "r")


def an_event(of: Aggregate = RUN, fact: Event | None = None, name: str = "") -> Recorded[Event]:
    """Return an event about something."""
    return Recorded(fact or RunFinished(outcome="live"), of, "planner:1:run.finished", 1, NOON,
                    name=name)  # fmt: skip


def takes(chosen: Wanted, *, time: datetime | None = NOON, actor: str = "alice") -> bool:
    """Tell whether one event is wanted."""
    return chosen.takes(kind="run.built", actor=actor, names=("alice/shop", "42"), time=time)


@pytest.mark.parametrize(
    ("words", "yes"),
    [
        ({}, True),
        ({"project": "alice/shop"}, True),
        ({"project": "42"}, True),
        ({"project": "bob/shop, alice/shop"}, True),
        ({"project": "alice"}, False),
        ({"kind": "run.*"}, True),
        ({"kind": "*.built"}, True),
        ({"kind": "run"}, False),
        ({"kind": "branch.*,run.built"}, True),
        ({"actor": "alice"}, True),
        ({"actor": "bob"}, False),
        ({"since": "2026-03-01T12:00:00Z"}, True),
        ({"since": "2026-03-01T13:00:01+01:00"}, False),
        ({"until": "2026-03-01T12:00:00Z"}, True),
        ({"until": "2026-03-01T11:59:59Z"}, False),
        ({"kind": "run.*", "actor": "bob"}, False),
    ],
)
def test_each_filter_narrows(words: dict[str, str], yes: bool) -> None:  # noqa: FBT001 - expected
    """By itself, with several words, and all of them together."""
    assert takes(wanted(**words)) is yes


def test_a_span_is_counted_from_now() -> None:
    """``10m`` means what is younger than ten minutes."""
    chosen = wanted(since="10m")
    now = datetime.now(UTC)

    assert takes(chosen, time=now - timedelta(minutes=9))
    assert not takes(chosen, time=now - timedelta(minutes=11))


@given(st.text(max_size=30))
def test_no_words_are_another_error(text: str) -> None:
    """Whatever stands in a question, it is a time or the question is refused."""
    try:
        found = wanted(since=text)
    except WantedInvalid:
        return
    assert found.since is None or text


@pytest.mark.parametrize(
    ("of", "name", "whose"),
    [
        (RUN, "alice/shop", Resource("github", "alice")),
        (RUN, "group/sub/shop", Resource("github", "group/sub")),
        (tenant("gitlab", "Bob"), "", Resource("gitlab", "bob")),
        (Aggregate("local", "", "secret", "alice/npm"), "", Resource("local", "alice")),
        (Aggregate("github", "", "delivery", "1-2"), "", INSTALLATION),
        (Aggregate("", "", "session", "s"), "", INSTALLATION),
        (Aggregate("", "", "token", "t"), "", INSTALLATION),
        (Aggregate("", "", "audit", "record"), "", INSTALLATION),
        (Aggregate("", "", "domain", "shop.example"), "", INSTALLATION),
        (RUN, "", Resource("github", "")),
    ],
)
def test_an_event_is_of_a_tenant_or_of_the_installation(
    of: Aggregate, name: str, whose: Resource
) -> None:
    """What cannot be laid to a tenant's account is for operators alone."""
    assert resource_of(an_event(of, name=name), lambda _, __, known: known) == whose


def test_an_event_is_of_whoever_owns_its_project_now() -> None:
    """A project that went to somebody else took its history along."""
    event = an_event(name="alice/shop")

    assert resource_of(event, lambda *_: "bob/shop") == Resource("github", "bob")


def test_an_auditor_is_told_who_what_and_where() -> None:
    """The actor, or the consumer in an id; empty words and programs' output are left out."""
    fact = RunBuildFailed(function="hello", code="c", message="", tail=("secret",))

    line = audit_line_of(an_event(fact=fact))

    assert (line.who, line.what, line.on) == ("planner", "run.build-failed/1", "github:42:run:r")
    assert line.detail == {"function": "hello", "code": "c"}


def test_a_fact_of_a_newer_release_is_told_too() -> None:
    """By its tag, with what it says, or without what nobody can read."""
    for body, said in ((b'{"type":"run.painted/1","colour":"red"}', {"colour": "red"}), (b"[", {})):
        event = an_event(fact=Unknown(type="run.painted/1", body=msgspec.Raw(body)))

        assert audit_line_of(event).what == line_of(event).type == "run.painted/1"
        assert line_of(event).fact == audit_line_of(event).detail == said
        assert msgspec.json.encode(line_of(event))
