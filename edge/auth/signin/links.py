"""One-time links: whoever can read the home is an operator, and a browser becomes one by a link.

A link is sealed by the key in the home, so that nothing has to run to make one. It is looked at
by GET and used by POST: what previews links does not use them up.
"""

import secrets
from typing import Final
from urllib.parse import urlencode

import msgspec

from edge.auth.people import LINK, OPERATOR
from edge.auth.signin.errors import LinkInvalid
from edge.auth.signin.lobby import Lobby
from edge.auth.signin.reply import Reply, page, to
from edge.auth.signin.request import Request
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


async def look(lobby: Lobby, request: Request) -> Reply:
    """Ask whether this browser shall be signed in; nothing is used up yet."""
    text = request.query.get("link", "")
    await _link(lobby, text)
    return page("once", link=text, host=request.host)


async def use(lobby: Lobby, request: Request) -> Reply:
    """Sign this browser in as operator; raises AttemptUsed for a link that was used."""
    link = await _link(lobby, request.form.get("link", ""))
    signed = await lobby.auth.desk.sign_in(
        OPERATOR, attempt=f"link {link.id}", via=LINK, source=request.source, host=request.host
    )
    return to("/session").with_headers(lobby.cookies.session(signed.token, signed.until))


async def _link(lobby: Lobby, text: str) -> Link:
    link = await lobby.opened(text, Link, within=LIFE)
    if link is None:
        raise LinkInvalid(
            "this link is more than ten minutes old, or not whole",
            hint="`pushline login --link` on the machine of this Pushline prints another",
        )
    return link
