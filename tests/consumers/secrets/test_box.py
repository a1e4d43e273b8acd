"""Sealed boxes, on plain values: they open for their purpose, and for nothing else."""

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.public import PrivateKey

from consumers.secrets import box
from consumers.secrets.box import Content, seal, seal_for, sent, stored, unseal
from consumers.secrets.keys import Key, KeyGone, Ring
from schemas.secrets import MOST, PublicKey, Scope, SecretInvalid


def key(id: str) -> Key:
    """Return a key of this id."""
    return Key(id, datetime(2026, 3, 1, tzinfo=UTC), bytes(PrivateKey.generate()))


ONE, OTHER = key("one"), key("other")
RING = Ring((OTHER, ONE))
SHOP = Scope("local", "alice/shop", "alice/shop")
HERE = stored(SHOP.secret("npm-token"))


def sealed(value: bytes) -> str:
    """Return a box for HERE."""
    return seal(value, HERE, ONE.id, ONE.public())


@given(st.binary(max_size=3000))
def test_what_was_sealed_comes_out(value: bytes) -> None:
    """Any bytes, with any key of the ring."""
    assert unseal(sealed(value), HERE, RING) == value


def test_a_box_is_never_the_same_twice() -> None:
    """Nobody sees from two boxes that their values are equal."""
    assert sealed(b"x") != sealed(b"x")


def test_sizes_say_little() -> None:
    """A short password and a long one make boxes of one size; the longest value has room."""
    assert len({len(sealed(b"x" * size)) for size in (1, 8, 40, 100)}) == 1
    assert len(sealed(b"x" * MOST)) <= box.LONGEST
    assert unseal(sealed(b"x" * MOST), HERE, RING) == b"x" * MOST


@pytest.mark.parametrize(
    "purpose",
    [
        stored(SHOP.secret("other")),
        stored(Scope("github", "alice/shop", "alice/shop").secret("npm-token")),
        stored(Scope("local", "bob/shop", "bob/shop").secret("npm-token")),
        stored(Scope("local", "alice").secret("npm-token")),
        sent(SHOP, "npm-token"),
        (),
    ],
)
def test_a_box_opens_for_its_own_place_alone(purpose: tuple[str, ...]) -> None:
    """Another name, project, tenant or forge gets nothing, and no word of the value."""
    with pytest.raises(SecretInvalid, match="it is for") as raised:
        unseal(sealed(b"CANARY"), purpose, RING)

    assert "CANARY" not in f"{raised.value!r} {raised.value}"


def test_a_box_handed_in_is_for_a_name_and_a_forge() -> None:
    """Who seals knows names; upper case means lower case."""
    public = PublicKey(key_id=ONE.id, public_key=base64.b64encode(ONE.public()).decode())
    text = seal_for(b"value", Scope("local", "Alice/Shop"), "npm-token", public)

    assert unseal(text, sent(SHOP, "npm-token"), RING) == b"value"
    with pytest.raises(SecretInvalid, match="for npm-token of local alice/shop, not for") as raised:
        unseal(text, sent(Scope("github", "alice/shop", "7"), "npm-token"), RING)
    assert "github" in str(raised.value)


def test_line_breaks_in_a_committed_text_do_no_harm() -> None:
    """Editors and mail wrap lines."""
    text = sealed(b"value")

    assert unseal(f"  {text[:70]}\r\n{text[70:200]}\n{text[200:]}\n", HERE, RING) == b"value"


@pytest.mark.parametrize(
    "text",
    ["", "value", "pushline-sealed-1", "pushline-sealed-1.one", "pushline-sealed-1..aa", "é"],
)
def test_what_is_no_box_is_said_to_be_none(text: str) -> None:
    """The field and the command that makes one are named."""
    with pytest.raises(SecretInvalid, match=r"sealed: .*pushline secrets seal"):
        unseal(text, HERE, RING)


@given(st.text(max_size=200))
def test_hostile_text_is_refused_in_one_way(text: str) -> None:
    """Whatever is handed in, the answer is that it is no box, or that its key is not ours."""
    with pytest.raises((SecretInvalid, KeyGone)):
        unseal(f"pushline-sealed-1.{text}", HERE, RING)


def test_a_box_that_was_changed_does_not_open() -> None:
    """One letter is enough, and what it was is not told."""
    text = sealed(b"CANARY")
    changed = text[:60] + ("A" if text[60] != "A" else "B") + text[61:]

    with pytest.raises(SecretInvalid, match="damaged") as raised:
        unseal(changed, HERE, RING)

    assert raised.value.__cause__ is None
    assert "CANARY" not in repr(raised.value)


def test_a_box_of_a_key_that_is_gone_says_which() -> None:
    """The id leads to the backup that has it."""
    with pytest.raises(KeyGone, match="one"):
        unseal(sealed(b"value"), HERE, Ring((OTHER,)))


def test_a_public_key_that_is_none_is_refused() -> None:
    """Its field is named."""
    with pytest.raises(SecretInvalid, match="public_key"):
        seal_for(b"x", SHOP, "a", PublicKey(key_id="a", public_key="AAAA"))
    with pytest.raises(SecretInvalid, match="public_key"):
        seal_for(b"x", SHOP, "a", PublicKey(key_id="a", public_key="é"))


def test_no_repr_shows_a_value() -> None:
    """What is inside a box may pass a debugger, but not a log."""
    assert "CANARY" not in repr(Content(HERE, b"CANARY"))
