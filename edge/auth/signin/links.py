"""The pages of one-time links: looked at by GET and used by POST, for previews follow links.

Twice: the second browser finds the session begun, and is told so.
"""

from edge.auth.people import LINK, OPERATOR
from edge.auth.signin import instruments
from edge.auth.signin.errors import LinkInvalid
from edge.auth.signin.lobby import Lobby
from edge.auth.signin.onetime import LIFE, Link
from edge.auth.signin.reply import Reply, page, to
from edge.auth.signin.request import Request


async def look(lobby: Lobby, request: Request) -> Reply:
    """Ask whether this browser shall be signed in; nothing is used up yet."""
    text = request.query.get("link", "")
    await _link(lobby, text)
    await lobby.auth.desk.keys.ready()
    return page("once", link=text, host=request.host)


async def use(lobby: Lobby, request: Request) -> Reply:
    """Sign this browser in as operator; raises AttemptUsed for a link that was used."""
    link = await _link(lobby, request.form.get("link", ""))
    signed = await lobby.auth.desk.sign_in(
        OPERATOR, attempt=f"link {link.id}", via=LINK, source=request.source, host=request.host
    )
    instruments.begun.labels(LINK).inc()
    return to("/session").with_headers(lobby.cookies.session(signed.token, signed.until))


async def _link(lobby: Lobby, text: str) -> Link:
    link = await lobby.opened(text, Link, within=LIFE)
    if link is None:
        raise LinkInvalid(
            "this link is more than ten minutes old, or not whole",
            hint="`pushline link` on the machine of this Pushline prints another",
        )
    return link
