"""What an OpenID Connect issuer says of itself, and its keys; kept for a while."""

import time
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from jwt import PyJWK, PyJWKSet
from jwt.exceptions import PyJWKError, PyJWKSetError

from edge.auth.signin.errors import ProviderAnswered
from edge.auth.signin.fetch import fetch

KEPT: Final = 3600.0  # seconds
AGAIN: Final = 10.0  # seconds between two looks for a key that was not there
PATH: Final = "/.well-known/openid-configuration"
ALGORITHMS: Final = ("RS256", "PS256", "ES256", "RS384", "ES384", "RS512", "ES512", "EdDSA")


class Issuer(msgspec.Struct):
    """OpenID Provider metadata, as far as it is used."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    scopes_supported: tuple[str, ...] = ()
    id_token_signing_alg_values_supported: tuple[str, ...] = ("RS256",)
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False

    @property
    def algorithms(self) -> list[str]:
        """Return how its tokens may be signed: ``none`` and shared secrets never."""
        return [one for one in ALGORITHMS if one in self.id_token_signing_alg_values_supported]


class Discovery:
    """Asks once an hour; for a key that it does not know at once, but not again and again."""

    def __init__(self, issuer: str, *, now: Callable[[], float] = time.monotonic) -> None:
        """Believe ``issuer`` about itself and nobody else."""
        self.issuer = issuer
        self._now = now
        self._found: Issuer | None = None
        self._keys: dict[str, PyJWK] = {}
        self._asked = -KEPT
        self._keys_asked = -KEPT

    async def found(self) -> Issuer:
        """Return what it says of itself; raises ProviderUnavailable and ProviderAnswered."""
        if self._found is None or self._now() - self._asked > KEPT:
            got = await fetch(self.issuer, "GET", self.issuer.rstrip("/") + PATH)
            if got.status != 200:
                raise ProviderAnswered(
                    f"{self.issuer} answered {got.status} to discovery",
                    hint="PUSHLINE_OIDC_ISSUER is the issuer exactly as its tokens name it",
                )
            self._found = self._checked(got.read(Issuer))
            self._asked = self._now()
        return self._found

    async def key(self, kid: str) -> PyJWK:
        """Return a key by its id, "" for the only one; raises ProviderAnswered without it."""
        known = self._known(kid)
        since = self._now() - self._keys_asked
        if since > KEPT or (known is None and since > AGAIN):
            await self._refresh()
            known = self._known(kid)
        if known is None:
            raise ProviderAnswered("the token is signed by a key that its issuer does not show")
        return known

    def _known(self, kid: str) -> PyJWK | None:
        if kid:
            return self._keys.get(kid)
        return next(iter(self._keys.values())) if len(self._keys) == 1 else None

    async def _refresh(self) -> None:
        self._keys_asked = self._now()
        issuer = await self.found()
        got = await fetch(self.issuer, "GET", issuer.jwks_uri)
        try:
            found = PyJWKSet.from_dict(got.read(dict[str, Any]))
        except (PyJWKError, PyJWKSetError):
            raise ProviderAnswered(f"the keys of {self.issuer} cannot be read") from None
        usable = [key for key in found.keys if key.public_key_use in (None, "sig")]
        self._keys = {key.key_id or "": key for key in usable}

    def _checked(self, found: Issuer) -> Issuer:
        """Raise ProviderAnswered for an issuer that speaks for another, or less safely."""
        if found.issuer != self.issuer:
            raise ProviderAnswered(
                f"{self.issuer} says that it is {found.issuer[:200]}",
                hint="PUSHLINE_OIDC_ISSUER is the issuer exactly as its tokens name it",
            )
        if not found.algorithms:
            raise ProviderAnswered(
                f"{self.issuer} signs in no way that is safe",
                hint=f"let it sign by one of {', '.join(ALGORITHMS)}",
            )
        urls = (found.authorization_endpoint, found.token_endpoint, found.jwks_uri)
        for url in (*urls, found.userinfo_endpoint):
            if url and urlsplit(self.issuer).scheme == "https" != urlsplit(url).scheme:
                raise ProviderAnswered(f"{self.issuer} leads to a place without https")
        return found
