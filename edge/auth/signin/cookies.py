"""Our cookies: each of one host alone, out of reach of scripts and of other sites' requests.

On https their names begin with ``__Host-``: a browser takes such a one from that very host only.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from edge.auth import credentials
from edge.auth.settings import AuthSettings
from edge.auth.signin.attempt import LIFE

Header = tuple[bytes, bytes]

ATTEMPT: Final = "-attempt"
NONCE: Final = "-nonce"


@dataclass(frozen=True, slots=True)
class Cookies:
    """Writes and reads them."""

    settings: AuthSettings

    def session(self, token: str, until: datetime) -> Header:
        """Return what signs a browser in at the host that it asks."""
        return self._set("", token, int(until.timestamp() - time.time()))

    def attempt(self, sealed: str) -> Header:
        """Return what keeps an attempt to sign in."""
        return self._set(ATTEMPT, sealed, LIFE)

    def nonce(self, text: str) -> Header:
        """Return what proves that a browser is the one that was led to sign in."""
        return self._set(NONCE, text, LIFE)

    def gone(self, kind: str = "") -> Header:
        """Return what makes a browser forget one."""
        return self._set(kind, "", 0)

    def read(self, header: bytes, kind: str) -> str:
        """Return the value of the one cookie of a kind, "" where there is not one."""
        return credentials.cookie_of(header, self.settings.cookie + kind).decode("latin-1")

    def _set(self, kind: str, value: str, seconds: int) -> Header:
        secure = "; Secure" if self.settings.scheme == "https" else ""
        ends = datetime.fromtimestamp(time.time() + seconds, UTC).strftime(
            "%a, %d %b %Y %H:%M:%S GMT"
        )
        text = (
            f"{self.settings.cookie}{kind}={value}; Path=/; Max-Age={max(seconds, 0)}; "
            f"Expires={ends}; HttpOnly; SameSite=Lax{secure}"
        )
        return b"set-cookie", text.encode("latin-1")
