"""Subjects: whatever the text, one token; and back."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import subjects
from schemas.catalog import FACTS
from schemas.envelope import Aggregate
from schemas.events.run import RunBuildStarted
from schemas.subjects import LIMIT, contains, decode, encode

TOKEN = re.compile(r"[A-Za-z0-9_=-]+")
AGGREGATES = st.builds(
    Aggregate, st.sampled_from(["github", "gitlab", "local"]), st.text(), st.just("run"), st.text()
)


@given(st.text())
def test_any_text_is_one_token(text: str) -> None:
    """No token has a dot, a wildcard or a blank, is empty or over 64 characters."""
    token = encode(text)

    assert TOKEN.fullmatch(token)
    assert len(token) <= LIMIT


@given(st.text())
def test_a_token_is_the_text_again(text: str) -> None:
    """What was encoded is decoded, save what had to be shortened."""
    token = encode(text)

    assert decode(token) == text or (decode(token) is None and len(token) == 58)


@given(st.text(max_size=10))
def test_short_texts_are_never_shortened(text: str) -> None:
    """Up to 64 characters of a token, a text can be read from it."""
    if len(token := encode(text)) < 58:
        assert decode(token) == text


@given(st.text(), st.text())
def test_two_texts_are_two_tokens(one: str, other: str) -> None:
    """The codec confuses nothing, also where it shortens."""
    assert (encode(one) == encode(other)) == (one == other)


@given(st.text(min_size=65), st.text(min_size=1))
def test_shortened_texts_stay_apart(text: str, tail: str) -> None:
    """Two long texts with the same beginning are two tokens."""
    assert encode(text) != encode(text + tail)


@pytest.mark.parametrize(
    ("text", "token"),
    [
        ("", "="),
        ("main", "main"),
        ("feature/x", "feature=2Fx"),
        ("alice/hello", "alice=2Fhello"),
        ("a.b *>", "a=2Eb=20=2A=3E"),
        ("=", "=3D"),
        ("é", "=C3=A9"),
        ("1296269", "1296269"),
        ("\ud800", "=ED=A0=80"),
    ],
)
def test_tokens_are_what_they_always_were(text: str, token: str) -> None:
    """Subjects stand in the log for ever: these vectors may not change."""
    assert encode(text) == token
    assert decode(token) == text


def test_a_shortened_token_is_what_it_always_was() -> None:
    """40 characters, ``=_`` and 16 of the digest."""
    assert encode("x" * 65) == "x" * 40 + "=_" + "9537c5fdf120482f"
    assert decode(encode("x" * 65)) is None
    assert decode(encode("x" * 64)) == "x" * 64


@pytest.mark.parametrize("token", ["a.b", "a b", "=2f", "=G0", "a=", "", ">", "*", "é"])
def test_what_encode_never_returns_is_refused(token: str) -> None:
    """A token of another make is an error, not another text."""
    with pytest.raises(ValueError, match="not a subject token"):
        decode(token)


@given(AGGREGATES, st.sampled_from(FACTS))
def test_a_subject_has_six_tokens(of: Aggregate, fact: type) -> None:
    """Whatever the aggregate, and its own history contains it."""
    subject = subjects.subject(of, fact)

    assert len(subject.split(".")) == 6
    assert contains(subjects.history(of), subject)
    assert contains(subjects.ALL, subject)
    assert not contains(subject + ".>", subject)


def test_the_subjects_of_a_run() -> None:
    """The shapes that filters elsewhere rely on."""
    of = Aggregate("local", "alice/hello", "run", "01JD8Z6Q5V")
    assert (
        subjects.subject(of, RunBuildStarted)
        == "ev.local.alice=2Fhello.run.01JD8Z6Q5V.build-started"
    )
    assert subjects.within(Aggregate("github", "", "tenant", "octo")) == "ev.github.=.tenant.octo."
    assert subjects.delivery("github", "a-1") == "delivery.github.a-1"
    assert subjects.build_log("local", "a/b", "R", "f") == "log.build.local.a=2Fb.R.f"
    assert subjects.function_log("local", "a/b", "f", "r") == "log.function.local.a=2Fb.f.r"


@pytest.mark.parametrize(
    ("filter", "subject", "is_in"),
    [
        ("ev.>", "ev.a.b", True),
        ("ev.>", "ev", False),
        ("ev.*.b", "ev.a.b", True),
        ("ev.*.b", "ev.a.c", False),
        ("ev.*", "ev.a.b", False),
        ("ev.a.b", "ev.a", False),
        ("ev.a", "ev.a", True),
        (">", "ev.a", True),
    ],
)
def test_contains(filter: str, subject: str, *, is_in: bool) -> None:
    """``*`` is one token, a last ``>`` is one or more, as the server has it."""
    assert contains(filter, subject) is is_in
