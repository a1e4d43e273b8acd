"""One-time links: whoever can read the home is an operator, and a browser becomes one by a link.

A link is sealed by the key in the home, so that nothing has to run to make one.
"""

import secrets
from typing import Final
from urllib.parse import urlencode

import msgspec

from edge.auth.signin.seals import Seals

LIFE: Final = 600  # seconds
PATH: Final = "/login/once"


class Link(msgspec.Struct, frozen=True, tag="link"):
    """Lets one browser in, once."""

    id: str

    def __repr__(self) -> str:
        """Return nothing of it."""
        return "Link()"


def make(seals: Seals, system: str) -> str:
    """Return a fresh link to an installation's own host; blocks for a moment."""
    sealed = seals.seal(Link(secrets.token_hex(16)))
    return f"{system}{PATH}?{urlencode({'link': sealed})}"
