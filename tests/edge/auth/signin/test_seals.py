"""Seals: only what we made, as what we made it, in its time."""

from pathlib import Path

import msgspec
import pytest

from bus.keyfolder import KeysUnsafe
from edge.auth.signin.attempt import LIFE, Attempt, Destination, begin
from edge.auth.signin.onetime import Link, make
from edge.auth.signin.seals import NAME, SealDamaged, Seals


class Clock:
    """A time that tests set."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        """Return it."""
        return self.now


def test_what_was_sealed_is_read_again_by_any_process_of_the_folder(tmp_path: Path) -> None:
    """Replicas share the key, and what one sealed the other opens; the key is its owner's."""
    attempt = begin("github", Destination("/a"))

    sealed = Seals(tmp_path / "keys").seal(attempt)

    assert Seals(tmp_path / "keys").opened(sealed, Attempt, within=LIFE) == attempt
    assert (tmp_path / "keys" / NAME).stat().st_mode & 0o077 == 0
    assert attempt.verifier not in sealed


def test_a_seal_has_its_time(tmp_path: Path) -> None:
    """A second over it, it is worth nothing."""
    clock = Clock()
    seals = Seals(tmp_path / "keys", now=clock)
    sealed = seals.seal(begin("github", Destination()))

    clock.now += LIFE
    assert seals.opened(sealed, Attempt, within=LIFE) is not None
    clock.now += 1
    assert seals.opened(sealed, Attempt, within=LIFE) is None


def test_a_seal_is_for_its_purpose(tmp_path: Path) -> None:
    """A link is no attempt, though the same key sealed both."""
    seals = Seals(tmp_path / "keys")

    assert seals.opened(seals.seal(Link("x")), Attempt, within=LIFE) is None


@pytest.mark.parametrize("text", ["", "x", "gAAAA", "é", "A" * 10_000])
def test_what_is_no_seal_is_none(tmp_path: Path, text: str) -> None:
    """Empty, short, long, of other letters."""
    assert Seals(tmp_path / "keys").opened(text, Attempt, within=LIFE) is None


def test_one_of_another_key_is_none(tmp_path: Path) -> None:
    """A key that was taken away takes what it sealed with it; a new one is made."""
    sealed = Seals(tmp_path / "keys").seal(Link("x"))
    (tmp_path / "keys" / NAME).unlink()

    assert Seals(tmp_path / "keys").opened(sealed, Link, within=LIFE) is None


def test_a_key_that_others_read_is_not_used(tmp_path: Path) -> None:
    """Whoever reads it could make themselves an operator."""
    seals = Seals(tmp_path / "keys")
    seals.seal(Link("x"))
    (tmp_path / "keys" / NAME).chmod(0o644)

    with pytest.raises(KeysUnsafe):
        make(seals, "http://system.localhost")


def test_a_damaged_key_says_so(tmp_path: Path) -> None:
    """Without what stands in the file."""
    seals = Seals(tmp_path / "keys")
    seals.seal(Link("x"))
    (tmp_path / "keys" / NAME).write_text("not a key")

    with pytest.raises(SealDamaged) as caught:
        seals.seal(Link("x"))

    assert "not a key" not in str(caught.value)


@pytest.mark.weakness(9)
def test_no_secret_is_in_a_repr() -> None:
    """What is logged by mistake tells nothing."""
    attempt = begin("github", Destination())
    secrets = {attempt.state, attempt.verifier, attempt.nonce}

    assert not [one for one in secrets if one in repr(attempt)]
    assert "x1y2" not in repr(Link("x1y2"))
    assert len(secrets) == 3
    assert msgspec.structs.astuple(attempt)[0] == "github"
