"""API tokens under ``/api``: made, listed and revoked; the text is shown once."""

from typing import Annotated, Any, Final

import msgspec
from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter, SkipValidation

from edge.api.asked import Me, TokenGone, TokenMade, Tokens, TokenView
from edge.api.queries import Asks
from edge.auth import issuing
from edge.auth.asking import Asking
from edge.auth.book import Book
from edge.auth.desk import AuthDesk, TokenUnknown
from edge.auth.people import OPERATOR, PLATFORM, Caller
from edge.auth.tokens import Token


class Wanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A token that somebody wants."""

    name: str
    scopes: list[str]
    tenants: list[str] = []  # forge/owner; none: all that its person is in
    days: int = issuing.DAYS


@get("/me", summary="Who I am here")
async def me(*, asking: Asks) -> Me:
    """Return what the credentials of this request stand for."""
    caller = asking.caller
    return Me(
        user=caller.user,
        login=caller.login,
        kind=caller.kind,
        operator=caller.operator,
        memberships=caller.memberships,
        scopes=None if caller.scopes is None else sorted(caller.scopes),
        until=caller.until,
        token=caller.session if caller.kind == "token" else "",
    )


@get("/tokens", summary="My API tokens")
async def tokens(
    *,
    auth_book: NamedDependency[SkipValidation[Book]],
    asking: Asks,
    everybody: Annotated[
        bool, QueryParameter(description="true: those of all people, for operators")
    ] = False,
) -> Tokens:
    """Return those that are good, by name; a token knows of those that may no more than it."""
    if everybody:
        asking.need("operate")
    rows = [row for row in auth_book.tokens.rows.values() if everybody or _own(asking, row)]
    return Tokens(items=[_view(row) for row in sorted(rows, key=lambda row: (row.login, row.name))])


@post("/tokens", status_code=200, summary="Make an API token")
async def make_token(
    *,
    auth_desk: NamedDependency[SkipValidation[AuthDesk]],
    asking: Asks,
    data: JSONBody[Wanted],
) -> TokenMade:
    """Make one that may no more than its person, at any time; its text is told this once."""
    asking.need("tokens")
    name, until = issuing.wanted_name(data.name), issuing.until(data.days)
    scopes, tenants = issuing.wanted_scopes(data.scopes), issuing.wanted_tenants(data.tenants)
    issuing.check(asking.caller, scopes, tenants)
    id, text = await auth_desk.issue_token(
        _owner(asking.caller),
        name,
        scopes=scopes,
        tenants=tenants,
        until=until,
        source=asking.source,
    )
    return TokenMade(id=id, name=name, token=text, scopes=scopes, tenants=tenants, until=until)


@delete("/tokens/{id:str}", status_code=200, summary="Revoke an API token")
async def revoke_token(
    *,
    auth_book: NamedDependency[SkipValidation[Book]],
    auth_desk: NamedDependency[SkipValidation[AuthDesk]],
    asking: Asks,
    id: FromPath[str],
) -> TokenGone:
    """Make a token worthless within a second: one's own, or as an operator anybody's."""
    row = auth_book.tokens.rows.get(id)
    if row is None or not _revocable(asking, row):
        raise TokenUnknown(f"no token {id[:40]}", hint="`pushline token ls` shows yours")
    return TokenGone(id=id, seq=await auth_desk.revoke_token(id, by=asking.actor))


HANDLERS: Final[tuple[Any, ...]] = (me, tokens, make_token, revoke_token)


def _revocable(asking: Asking, row: Token) -> bool:
    """Tell whether the caller may revoke it; a token may always end itself."""
    if asking.caller.kind == "token" and asking.caller.session == row.id:
        return True
    return _own(asking, row) or asking.may("operate")


def _own(asking: Asking, row: Token) -> bool:
    """Tell whether it is the caller's, and of a token one that may no more than it."""
    caller = asking.caller
    within = caller.scopes is None or caller.scopes.issuperset(row.scopes)
    return within and row.user == _owner(caller).user


def _owner(caller: Caller) -> Caller:
    """Return whose tokens the caller makes: the platform's own token is nobody's session."""
    if caller is not PLATFORM:
        return caller
    return Caller(kind="operator", user=OPERATOR.user, login=OPERATOR.login, operator=True)


def _view(row: Token) -> TokenView:
    return TokenView(
        id=row.id,
        name=row.name,
        login=row.login,
        scopes=row.scopes,
        tenants=row.tenants,
        issued=row.issued,
        until=row.until,
        used=row.used,
        source=row.source,
    )
