"""Annotations of a route: what they set, and what is wrong with those that set nothing."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.route import OPTIONS, PREFIX, RouteInvalid, RouteOptions, markdown, options
from schemas.stack import StackInvalid, parse
from tests.schemas.test_stack import stack


def one(name: str, text: str) -> RouteOptions:
    """Return what one annotation asks for."""
    return options({PREFIX + name: text})


def test_without_annotations_the_operators_defaults_hold() -> None:
    """Nothing is asked for, by others' annotations neither."""
    assert options({"topic": "orders", "com.openfaas.scale.max": "2"}) == RouteOptions()


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("policy", "members", RouteOptions(policy="members")),
        ("policy", "signed-in", RouteOptions(policy="signed-in")),
        ("timeout", "90", RouteOptions(response_seconds=90.0)),
        ("timeout", "1m30s", RouteOptions(response_seconds=90.0)),
        ("idle-timeout", "250ms", RouteOptions(idle_seconds=0.25)),
        ("total-timeout", "1.5h", RouteOptions(total_seconds=5400.0)),
        ("body-limit", "10MB", RouteOptions(body_bytes=10_000_000)),
        ("body-limit", "512KiB", RouteOptions(body_bytes=524_288)),
        ("body-limit", "1Gi", RouteOptions(body_bytes=1 << 30)),
        ("body-limit", "100", RouteOptions(body_bytes=100)),
        ("rate", "10/s", RouteOptions(rate=10.0)),
        ("rate", "600/m", RouteOptions(rate=10.0)),
        ("rate", "0.5/s", RouteOptions(rate=0.5)),
        ("burst", "20", RouteOptions(burst=20)),
        ("rate-by", "route", RouteOptions(rate_by="route")),
        ("policy", "role:owner", RouteOptions(policy="role:owner")),
        ("preflight", "function", RouteOptions(preflight=True)),
    ],
)
def test_each_annotation_sets_its_field(name: str, text: str, expected: RouteOptions) -> None:
    """Durations and sizes are written as Go and Kubernetes write them, plain digits too."""
    assert one(name, text) == expected


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("policy", "everybody"),
        ("policy", "Public"),
        ("policy", ""),
        ("timeout", "0"),
        ("timeout", "-1s"),
        ("timeout", "5 s"),
        ("timeout", "25h"),
        ("timeout", "1e3"),
        ("timeout", "nan"),
        ("body-limit", "10 MB"),
        ("body-limit", "0"),
        ("body-limit", "2TB"),
        ("body-limit", "9999999999999Gi"),
        ("rate", "10"),
        ("rate", "0/s"),
        ("rate", "1/d"),
        ("rate", "inf/s"),
        ("burst", "0"),
        ("burst", "1.5"),
        ("rate-by", "everybody"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_cure(name: str, text: str) -> None:
    """The annotation is named, and how it is written."""
    with pytest.raises(RouteInvalid) as raised:
        one(name, text)
    assert raised.value.message.startswith(f"{PREFIX}{name}: ")
    assert raised.value.hint == f"write {OPTIONS[name].like}"


def test_a_misspelt_option_is_an_error_and_not_passed_over() -> None:
    """A route that somebody meant to close must not stay open for a typo."""
    with pytest.raises(RouteInvalid, match="no route has this option") as raised:
        one("polcy", "members")
    assert raised.value.hint == f"did you mean {PREFIX}policy?"


def test_the_stack_is_refused_with_file_and_line() -> None:
    """Whoever pushes learns of it before anything is built."""
    wrong = stack(f"annotations: {{{PREFIX}policy: memebrs, {PREFIX}rate: 5/s}}")
    with pytest.raises(StackInvalid) as raised:
        parse(wrong)

    (problem,) = raised.value.problems
    assert problem.field == f"functions.hello.annotations.{PREFIX}policy"
    assert (problem.line, problem.message) == (7, "memebrs is not its value")
    assert problem.cure == "write public, signed-in, members, role:member, role:owner, token"


@given(st.sampled_from(list(OPTIONS)), st.text(max_size=20))
def test_no_text_is_another_error(name: str, text: str) -> None:
    """Whatever is written is read, or refused as it should be; what is read has its type."""
    try:
        found = one(name, text)
    except RouteInvalid:
        return
    assert msgspec.json.decode(msgspec.json.encode(found), type=RouteOptions) == found


def test_each_option_is_in_the_table() -> None:
    """The manual is made of what is read."""
    assert [line.split("`")[1] for line in markdown().splitlines()[2:]] == [
        PREFIX + name for name in OPTIONS
    ]
