"""Signatures: ES256 by PyJWT. Slow to import: 0.1 s that a router does not have at its start."""

from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.utils import base64url_decode

from edge.auth.publickeys import PublicKey

ALGORITHM: Final = "ES256"
LEEWAY: Final = 30.0  # seconds that two machines' clocks may differ
MOST: Final = 100  # keys
REQUIRED: Final = ("iss", "aud", "sub", "sid", "iat", "nbf", "exp")


class Signature:
    """Verifies tokens of one installation."""

    def __init__(self, issuer: str) -> None:
        """Take what ``issuer`` has signed, and no other."""
        self._issuer = issuer
        self._keys: dict[tuple[str, str], ec.EllipticCurvePublicKey] = {}

    def verified(self, token: bytes, key: PublicKey, host: str) -> float | None:
        """Return when a good token for this host ends, in seconds since 1970; None for no good."""
        try:
            found: dict[str, Any] = jwt.decode(
                token,
                self._key(key),
                algorithms=[ALGORITHM],
                issuer=self._issuer,
                audience=host,
                leeway=LEEWAY,
                options={"require": list(REQUIRED), "strict_aud": True},
            )
        except (jwt.PyJWTError, ValueError):
            return None
        return float(found["exp"])

    def _key(self, key: PublicKey) -> ec.EllipticCurvePublicKey:
        made = self._keys.get((key.x, key.y))
        if made is None:
            x, y = (int.from_bytes(base64url_decode(part), "big") for part in (key.x, key.y))
            made = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
            if len(self._keys) >= MOST:
                self._keys.clear()
            self._keys[key.x, key.y] = made
        return made
