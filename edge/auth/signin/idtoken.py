"""ID tokens: verified as OpenID Connect Core 3.1.3.7 wants, by PyJWT and the issuer's keys."""

import hmac
from typing import Any, Final

import jwt

from bus.blocking import run_blocking
from edge.auth.signin.discovery import Discovery
from edge.auth.signin.errors import ProviderAnswered

LEEWAY: Final = 60.0  # seconds that two machines' clocks may differ
REQUIRED: Final = ("iss", "sub", "aud", "exp", "iat", "nonce")
LONGEST: Final = 64 * 1024  # bytes


async def verified(token: str, discovery: Discovery, *, client: str, nonce: str) -> dict[str, Any]:
    """Return the claims of a token for this client about this attempt; else ProviderAnswered."""
    issuer = await discovery.found()
    try:
        head = jwt.get_unverified_header(token[:LONGEST])
        if head.get("alg") not in issuer.algorithms:
            raise ProviderAnswered("the token is signed in a way that its issuer does not name")
        key = await discovery.key(str(head.get("kid", "")))
        claims: dict[str, Any] = await run_blocking(
            jwt.decode,
            token,
            key.key,
            algorithms=issuer.algorithms,
            audience=client,
            issuer=discovery.issuer,
            leeway=LEEWAY,
            options={"require": list(REQUIRED)},
        )
    except (jwt.PyJWTError, ValueError) as error:
        raise ProviderAnswered(
            f"the token does not hold ({type(error).__name__})", hint="sign in again"
        ) from None  # what it says stays where it is
    if not hmac.compare_digest(str(claims["nonce"]).encode(), nonce.encode()):
        raise ProviderAnswered("the token is about another attempt", hint="sign in again")
    party = claims.get("azp", client)
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if party != client or (several and "azp" not in claims):
        raise ProviderAnswered("the token is for another client")
    return claims
