"""What the cookie of a session tells whoever reads it."""

import jwt
import pytest

from edge.auth.book import Book
from tests.edge.auth.told import ALICE, Told


@pytest.mark.weakness(9)
def test_a_session_has_no_token_of_the_forge() -> None:
    """Its cookie had the forge's access token in clear; ours has whose it is, and for how long."""
    told = Told(Book.make(None))
    token = told.token(told.signed_in(ALICE), "alice.localhost")

    said = jwt.decode(token, options={"verify_signature": False})

    assert set(said) == {"iss", "aud", "sub", "sid", "iat", "nbf", "exp"}
    assert said["aud"] == "alice.localhost"
    assert jwt.get_unverified_header(token)["alg"] == "ES256"
