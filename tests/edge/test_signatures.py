"""The predecessor's signatures."""

import hashlib
import hmac

import pytest

from edge.signatures import Signature, signed

BODY, KEY = b"Store this string", b"key-goes-here"
SHA1 = b"sha1=805c32cea5b377c5ec65489027a345f58c872136"
SHA256 = b"sha256=" + hmac.new(KEY, BODY, hashlib.sha256).hexdigest().encode()


@pytest.mark.conformance("HMAC")
def test_the_predecessor_s_own_vector() -> None:
    """The value that its HMAC library is tested with holds, and for no other key or body."""
    headers = {b"x-cloud-signature": SHA1}
    assert signed(headers, BODY, KEY)
    assert not signed(headers, BODY, b"key-")
    assert not signed(headers, BODY + b"s", KEY)


@pytest.mark.parametrize("header", [b"x-cloud-signature", b"x-build-signature"])
@pytest.mark.parametrize("value", [SHA1, SHA256])
def test_either_method_in_either_header(header: bytes, value: bytes) -> None:
    """Callers old and new are understood."""
    assert signed({header: value}, BODY, KEY)


@pytest.mark.parametrize(
    "value", [b"", b"sha1=", SHA1[:-1], SHA1[5:], SHA1.upper(), b"md5=" + SHA1[5:], b"sha1=\xff"]
)
def test_what_is_no_signature(value: bytes) -> None:
    """A value cut short, of another method, or none at all is refused, and raises nothing."""
    assert not signed({b"x-cloud-signature": value}, BODY, KEY)


@pytest.mark.weakness(10)
def test_the_weaker_method_is_no_way_round_the_stronger() -> None:
    """A right SHA-1 beside a wrong SHA-256 does not help."""
    wrong = b"sha256=" + b"0" * 64
    assert not signed({b"x-cloud-signature": SHA1, b"x-build-signature": wrong}, BODY, KEY)
    assert not signed({b"x-cloud-signature": wrong, b"x-build-signature": SHA1}, BODY, KEY)


@pytest.mark.weakness(12)
def test_without_a_secret_nothing_holds() -> None:
    """An empty secret is no secret: anybody could sign with it."""
    empty = hmac.new(b"", BODY, hashlib.sha256).hexdigest().encode()
    assert not signed({b"x-cloud-signature": b"sha256=" + empty}, BODY, b"")
    assert not signed({}, BODY, KEY)


def test_a_body_is_checked_while_it_comes_in() -> None:
    """Chunks give what the whole gives: a large body need not lie in memory."""
    claim = Signature.claimed({b"x-cloud-signature": SHA256}, KEY)
    assert claim
    for place in range(0, len(BODY), 4):
        assert not claim.holds()
        claim.update(BODY[place : place + 4])
    assert claim.holds()
