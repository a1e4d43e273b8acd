"""The predecessor's signatures between its parts: an HMAC over the raw body, in a header.

``X-Cloud-Signature: sha1=<hex>`` is what its functions send, ``X-Build-Signature: sha256=<hex>``
what the newer builder API does; either method is taken in either header. Where one is SHA-256
it alone counts: nobody may fall back to the weaker one beside it.
"""

import hmac
from collections.abc import Mapping
from typing import Final, Self

HEADERS: Final = (b"x-build-signature", b"x-cloud-signature")
METHODS: Final = ("sha256", "sha1")  # the stronger first
SETTING: Final = "PUSHLINE_PAYLOAD_SECRET"


class Signature:
    """What a request claims, checked against its body while that comes in."""

    def __init__(self, secret: bytes, method: str, given: bytes) -> None:
        """Check ``given``, the whole value of the header."""
        self._digest = hmac.new(secret, digestmod=method)
        self._method = method
        self._given = given

    @classmethod
    def claimed(cls, headers: Mapping[bytes, bytes], secret: bytes) -> Self | None:
        """Return the claim to check, None where there is none or no secret to check it with.

        Then the answer is 401, and the body is not even read.
        """
        if not secret:
            return None
        values = [headers[name].strip() for name in HEADERS if name in headers]
        for method in METHODS:
            for value in values:
                if value.startswith(f"{method}=".encode()):
                    return cls(secret, method, value)
        return None

    def update(self, chunk: bytes) -> None:
        """Take the next bytes of the raw body."""
        self._digest.update(chunk)

    def holds(self) -> bool:
        """Tell, in constant time, whether the secret's owner signed all bytes taken."""
        expected = f"{self._method}={self._digest.hexdigest()}".encode()
        return hmac.compare_digest(self._given, expected)


def signed(headers: Mapping[bytes, bytes], body: bytes, secret: bytes) -> bool:
    """Tell whether ``body`` is signed with ``secret``."""
    claim = Signature.claimed(headers, secret)
    if claim is None:
        return False
    claim.update(body)
    return claim.holds()
