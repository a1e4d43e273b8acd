"""One's session: what it is, and how it ends, here or everywhere."""

from datetime import datetime
from typing import Final

from edge.auth.signin.attempt import Destination
from edge.auth.signin.lobby import Lobby
from edge.auth.signin.places import to_login
from edge.auth.signin.reply import Reply, message, page, to
from edge.auth.signin.request import Request

SHOWN: Final = 20  # memberships


async def session(lobby: Lobby, request: Request) -> Reply:
    """Show who is signed in, or lead there."""
    caller = lobby.caller(request)
    if caller is None:
        return to(to_login(Destination("/session")))
    known = lobby.auth.book.people.rows.get(caller.user)
    own = sorted(caller.memberships, key=lambda one: (one.forge, one.owner))
    return page(
        "session",
        login=caller.login,
        operator=caller.operator,
        until=_moment(caller.until),
        memberships=own[:SHOWN],
        more=max(0, len(own) - SHOWN),
        sessions=0 if known is None else len(known.open),
    )


async def ask(lobby: Lobby, request: Request) -> Reply:
    """Ask whether to sign out; say so to whoever is."""
    caller = lobby.caller(request)
    if caller is None:
        return message(
            "Signed out",
            "this browser is signed in nowhere at Pushline",
            "your provider may still know you: sign out there too, on a machine of others",
            status=200,
            way=("/login", "Sign in"),
        )
    return page("logout", login=caller.login)


async def leave(lobby: Lobby, request: Request) -> Reply:
    """End the session, or all of the person's; every host refuses them within a second."""
    caller = lobby.caller(request)
    if caller is not None:
        everywhere = request.form.get("everywhere") == "yes"
        await lobby.auth.desk.sign_out(caller, everywhere=everywhere, reason="asked")
    return to("/logout").with_headers(lobby.cookies.gone())


def _moment(until: datetime | None) -> str:
    return "it is revoked" if until is None else f"{until:%d %B %Y, %H:%M} UTC"
