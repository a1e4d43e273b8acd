"""Grants: how a session at our own host gets a cookie at a function's.

A function's host sends the browser to us with a proof of what it holds there; we send it back
with a grant that fits that proof and that host, lives a minute, and is good once. A page that
steals the one has not the other.
"""

import secrets
from datetime import datetime
from typing import Final

import msgspec

from bus.log import Guard
from edge.auth.people import Caller
from edge.auth.signin.attempt import Destination, hashed
from edge.auth.signin.cookies import NONCE
from edge.auth.signin.errors import AddressForeign, GrantInvalid
from edge.auth.signin.lobby import Lobby, same
from edge.auth.signin.places import path_of
from edge.auth.signin.reply import Reply, to
from edge.auth.signin.request import Request
from schemas import subjects
from schemas.envelope import Aggregate
from schemas.errors import Conflict
from schemas.events.grant import GrantRedeemed

LIFE: Final = 60  # seconds
PREFIX: Final = "/.pushline/"  # at every host; the router sends it to us


class Grant(msgspec.Struct, frozen=True, tag="grant"):
    """A session, handed on to one host of one browser."""

    id: str
    host: str
    path: str
    proof: str
    token: str  # of the session, for that host alone
    until: datetime
    user: str
    login: str

    def __repr__(self) -> str:
        """Return for which host it is."""
        return f"Grant(id={self.id!r}, host={self.host!r})"


async def ask(lobby: Lobby, request: Request) -> Reply:
    """At a function's host: lead the browser to where people sign in, and remember it."""
    _served(lobby, request)
    nonce = secrets.token_urlsafe(32)
    asked = {
        "r": path_of(request.query.get("r", "/")),
        "host": request.host,
        "proof": hashed(nonce),
    }
    return to(lobby.places.at_system("/login", asked)).with_headers(lobby.cookies.nonce(nonce))


async def hand_on(lobby: Lobby, caller: Caller, wanted: Destination) -> Reply:
    """At our own host: lead a signed-in browser back, with a grant."""
    signed = await lobby.auth.desk.extend(caller, wanted.host)
    grant = Grant(
        id=secrets.token_hex(16),
        host=wanted.host,
        path=wanted.path,
        proof=wanted.proof,
        token=signed.token,
        until=signed.until,
        user=caller.user,
        login=caller.login,
    )
    sealed = await lobby.seal(grant)
    return to(lobby.places.of_host(wanted.host, f"{PREFIX}session?grant={sealed}"))


async def redeem(lobby: Lobby, request: Request) -> Reply:
    """At a function's host: take a grant, once, and set the cookie of this host."""
    _served(lobby, request)
    grant = await lobby.opened(request.query.get("grant", ""), Grant, within=LIFE)
    nonce = lobby.cookies.read(request.cookie, NONCE)
    if grant is None or grant.host != request.host or not same(grant.proof, hashed(nonce)):
        raise GrantInvalid(
            "this sign-in is too old, or did not begin in this browser",
            hint="open the function's address again, and let your browser keep cookies of it",
        )
    of = Aggregate("", "", "grant", grant.id)
    fact = GrantRedeemed(user=grant.user, host=grant.host, source=request.source)
    try:
        await lobby.auth.desk.events.append(
            fact,
            of=of,
            id=f"auth:{secrets.token_hex(8)}:grant.redeemed",
            actor=grant.login,
            guard=Guard(subjects.history(of), 0),
        )
    except Conflict:
        raise GrantInvalid(
            "this sign-in was used already", hint="open the function's address again"
        ) from None
    return to(grant.path).with_headers(
        lobby.cookies.session(grant.token, grant.until), lobby.cookies.gone(NONCE)
    )


async def leave(lobby: Lobby, request: Request) -> Reply:
    """At a function's host: lead to the page that signs out; no page of a tenant does it itself."""
    _served(lobby, request)
    return to(lobby.places.at_system("/logout"))


def _served(lobby: Lobby, request: Request) -> None:
    if not lobby.places.known(request.host):
        raise AddressForeign("this host is not served here", hint="look at the address")
