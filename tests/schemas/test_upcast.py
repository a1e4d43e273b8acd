"""Upcasters: what was written long ago is read as what it means today."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.catalog import BY_TAG, reader
from schemas.envelope import Unknown
from schemas.errors import Undecodable
from schemas.events import Event
from schemas.upcast import UPCASTERS, Upcaster, mistakes


class CakeBaked(Event, frozen=True, tag="cake.baked/3"):
    """A made-up fact in its third version. Written by nobody."""

    minutes: int
    layers: tuple[str, ...] = ()
    baker: str = ""


class CakeEaten(Event, frozen=True, tag="cake.eaten/1"):
    """A made-up fact that stayed as it was. Written by nobody."""

    by: str


def _in_minutes(body: dict[str, Any]) -> dict[str, Any]:
    """/1 told of seconds."""
    return {**body, "minutes": body["seconds"] // 60}


def _in_layers(body: dict[str, Any]) -> dict[str, Any]:
    """/2 told of one filling, with commas in it."""
    filling = body.get("filling", "")
    return {**body, "layers": [part for part in filling.split(",") if part]}


STEPS = {
    "cake.baked/1": Upcaster("cake.baked/2", _in_minutes),
    "cake.baked/2": Upcaster("cake.baked/3", _in_layers),
}
read = reader((CakeBaked, CakeEaten), STEPS)


def body(tag: str, **fields: object) -> bytes:
    """Return a body as it was written under a tag."""
    return msgspec.json.encode({"type": tag, **fields})


def test_the_oldest_goes_through_every_version() -> None:
    """A fact of /1 is read as /3, what each step means included."""
    told = body("cake.baked/1", seconds=150, filling="jam,cream", baker="ann")

    assert read("cake.baked/1", told) == CakeBaked(2, ("jam", "cream"), "ann")


def test_each_tag_begins_at_its_own_step() -> None:
    """/2 is turned once, /3 and facts without versions not at all."""
    assert read("cake.baked/2", body("cake.baked/2", minutes=5, filling="jam")) == CakeBaked(
        5, ("jam",)
    )
    assert read("cake.baked/3", body("cake.baked/3", minutes=5)) == CakeBaked(5)
    assert read("cake.eaten/1", body("cake.eaten/1", by="bob")) == CakeEaten("bob")


@given(
    st.integers(0, 10**9),
    st.lists(st.text("abc", min_size=1)),
    st.dictionaries(st.text("xyz", min_size=1), st.integers()),
)
def test_every_old_body_is_read(seconds: int, parts: list[str], more: dict[str, int]) -> None:
    """Turning loses nothing, twice is the same, fields that nobody knows are passed over."""
    told = body("cake.baked/1", seconds=seconds, filling=",".join(parts), **more)

    first, second = read("cake.baked/1", told), read("cake.baked/1", told)

    assert first == second == CakeBaked(seconds // 60, tuple(parts))


@given(st.sampled_from(["cake.baked/1", "cake.baked/2", "cake.baked/9"]), st.binary())
def test_no_bytes_are_another_error(tag: str, told: bytes) -> None:
    """Whatever stands under an old tag is read, or is said to be unreadable."""
    try:
        fact = read(tag, told)
    except Undecodable:
        return
    assert isinstance(fact, CakeBaked if tag != "cake.baked/9" else Unknown)


@pytest.mark.parametrize("told", [b"{}", b'{"seconds":"x"}', b"[]", b"{", b'{"seconds":null}'])
def test_a_body_that_cannot_be_turned_names_its_tag(told: bytes) -> None:
    """What /1 never had is an error with the tag in it, no crash of whoever reads."""
    with pytest.raises(Undecodable, match=r"cake\.baked/1"):
        read("cake.baked/1", told)


def test_our_own_table_is_sound() -> None:
    """Each upcaster there is leads, step by step, to a fact that the code has."""
    assert mistakes(UPCASTERS, BY_TAG) == []


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"cake.baked/3": Upcaster("cake.baked/4", dict)}, "still has its class"),
        ({"cake.baked/1": Upcaster("cake.baked/2", dict)}, "nobody reads"),
        ({"cake.baked/2": Upcaster("cake.eaten/3", dict)}, "no later version"),
        ({"cake.baked/2": Upcaster("cake.baked/2", dict)}, "no later version"),
    ],
)
def test_a_table_that_misleads_is_found(table: dict[str, Upcaster], said: str) -> None:
    """Steps in a circle, backwards, to nowhere or from what is current are named."""
    assert any(said in mistake for mistake in mistakes(table, ("cake.baked/3",)))
