"""Whom a request's cookies make its caller."""

import base64

import pytest

from edge.auth.book import Book
from edge.auth.settings import AuthSettings
from edge.auth.verifier import Verifier
from tests.edge.auth.told import ALICE, BOB, Told

HOST = "alice.localhost"
VICTIM = base64.urlsafe_b64encode(b'{"sub":"github:1"}').rstrip(b"=")
FIRST = {
    "a victim's, in a cookie of any name": b"a=x." + VICTIM + b".y",
    "no JSON": b"a=x.bm90IGpzb24.y",
    "no base64": b"a=x.%%%.y",
    "no text": b"a=\xff\xfe",
    "no value": b"a",
    "nothing": b"",
}


@pytest.mark.weakness(2)
@pytest.mark.parametrize("first", FIRST)
def test_the_first_cookie_makes_nobody_a_caller(first: str) -> None:
    """It took the first cookie's word, and null for no auth; ours is one that verifies, or nobody.

    Beside somebody's own good session it makes him nobody else either.
    """
    book = Book.make(None)
    verifier = Verifier(book, AuthSettings())
    verifier.prepare()
    told = Told(book)
    told.signed_in(ALICE)
    own = told.token(told.signed_in(BOB), HOST, BOB)
    cookie = FIRST[first]
    both = cookie + b"; " + told.settings.cookie.encode() + b"=" + own

    assert verifier.caller(authorization=b"", cookie=cookie, host=HOST) is None
    found = verifier.caller(authorization=b"", cookie=both, host=HOST)
    assert found is not None
    assert found.user == BOB
