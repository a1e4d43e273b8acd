"""An attempt to sign in: what a browser carries while its person is at the provider."""

import base64
import hashlib
import secrets
from typing import Final

import msgspec

LIFE: Final = 600  # seconds; the providers' codes live no longer


class Destination(msgspec.Struct, frozen=True):
    """Where whoever signs in wants to be."""

    path: str = "/"
    host: str = ""  # a function's, say; "": our own
    proof: str = ""  # of what that host's cookie holds, which its browser alone has


class Attempt(msgspec.Struct, frozen=True, tag="attempt"):
    """One attempt; sealed into a cookie of the browser that begins it."""

    provider: str
    to: Destination
    state: str  # comes back with the code: nobody else can have begun this
    verifier: str  # of PKCE: the code is worth nothing without it
    nonce: str  # stands in an issuer's token about this attempt, and in no other

    def __repr__(self) -> str:
        """Return whose it is, and nothing that proves it."""
        return f"Attempt(provider={self.provider!r})"

    @property
    def challenge(self) -> str:
        """Return what the provider is told of the verifier (RFC 7636, S256)."""
        return hashed(self.verifier)


def begin(provider: str, to: Destination) -> Attempt:
    """Return an attempt that nobody can guess."""
    state, verifier, nonce = (secrets.token_urlsafe(32) for _ in range(3))
    return Attempt(provider, to, state, verifier, nonce)


def hashed(text: str) -> str:
    """Return sha256 in the alphabet of URLs."""
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
