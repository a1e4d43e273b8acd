"""faas-cli's sealed build secrets, made here as it documents them."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.public import PrivateKey

from consumers.secrets.envelope import unseal
from consumers.secrets.keys import Key, Ring
from schemas.secrets import SecretInvalid
from tests.consumers.secrets.sealing import sealed_for


def key(id: str) -> Key:
    """Return a key of this id."""
    return Key(id, datetime(2026, 3, 1, tzinfo=UTC), bytes(PrivateKey.generate()))


OLD, NEW = key("old"), key("new")
RING = Ring((OLD, NEW))


def sealed(to: Key, **values: bytes) -> bytes:
    """Return the file that faas-cli makes for a key."""
    return sealed_for(to.public(), **values)


@pytest.mark.parametrize("to", [OLD, NEW])
def test_values_come_out_by_name(to: Key) -> None:
    """With the newest key, and with an older one while keys rotate."""
    values = {"pip_token": b"s3cr3t", "ca": bytes(range(256))}

    assert unseal(sealed(to, **values), RING) == values


def test_what_was_sealed_for_another_is_told_so() -> None:
    """With the cure, and without what stands in it."""
    with pytest.raises(SecretInvalid, match=r"no key of ours.*publickey"):
        unseal(sealed(key("theirs"), a=b"x"), RING)


GOOD = sealed(NEW, a=b"value").decode()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("", "version"),
        ("- a", "version"),
        ("{", "YAML"),
        (GOOD.replace("v1", "v2"), "version v1"),
        (GOOD.replace("nacl/box", "rsa"), "algorithm"),
        (GOOD.partition("secrets:")[0], "secrets"),
        (GOOD.replace("public_key: ", "public_key: AAAA #"), "32 bytes"),
        (GOOD.replace("public_key: ", "public_key: é #"), "public_key"),
        (GOOD.replace("    a: ", "    a: '?' #"), r"secrets\.a"),
        (GOOD.replace("    a: ", "    a: [] #"), "no key of ours"),
        (GOOD.replace("    a: ", "    a: AAAA #"), "no key of ours"),
    ],
)
def test_a_damaged_file_names_its_field(body: str, words: str) -> None:
    """Whoever made it knows where to look."""
    with pytest.raises(SecretInvalid, match=words):
        unseal(body.encode(), RING)


@given(st.binary(max_size=300))
def test_hostile_bytes_are_refused_in_one_way(body: bytes) -> None:
    """Whatever a tar may hold by that name."""
    with pytest.raises(SecretInvalid):
        unseal(body, RING)
