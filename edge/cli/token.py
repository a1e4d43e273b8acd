"""`pushline token`: API tokens for machines; each may some of what its person may, and no more."""

import sys
from typing import Annotated

from cyclopts import App, Parameter

from edge.api.asked import Me, TokenGone, TokenMade, Tokens
from edge.cli.client import Api
from edge.cli.contexts import Context
from edge.cli.output import as_json, table, when
from edge.cli.waiting import wait_for_token
from edge.cli.where import HERE, At, JsonOption, target

app = App(name="token", help="Make, list and revoke tokens for machines.")


@app.command
def create(
    name: Annotated[str, Parameter(help="What tells where it lies, as ci.")],
    *,
    scope: Annotated[
        list[str],
        Parameter(help="read, push, run, secrets, invoke or operate; several times for several."),
    ],
    tenant: Annotated[
        list[str] | None, Parameter(help="FORGE/OWNER that it is for alone, as github/acme.")
    ] = None,
    days: Annotated[int, Parameter(help="That it is good for, 365 at most.")] = 90,
    at: At = HERE,
) -> int:
    """Print a new token, this once; nobody can show it again.

    On this machine's home it is an operator's. For a context its person says yes in a browser.
    """
    where, tenants = target(at), tenant or []
    if isinstance(where, Context) and Api(where).get("/api/me", Me).kind == "token":
        wanted = {"name": name, "scope": " ".join(scope), "days": str(days)}
        granted = wait_for_token(where.url, wanted | {"tenants": " ".join(tenants)})
        sys.stdout.write(f"{granted.access_token}\n")
        return 0
    body = {"name": name, "scopes": scope, "tenants": tenants, "days": days}
    made = Api(where).send("POST", "/api/tokens", TokenMade, body)
    sys.stderr.write(f"token {made.id}, until {when(made.until)}:\n")
    sys.stderr.flush()
    sys.stdout.write(f"{made.token}\n")
    return 0


@app.command
def ls(
    *,
    all: Annotated[
        bool, Parameter(negative=(), help="Those of all people; for operators.")
    ] = False,
    json: JsonOption = False,
    at: At = HERE,
) -> int:
    """List tokens that are good, and when each was used; their texts are kept nowhere."""
    found = Api(target(at)).get("/api/tokens", Tokens, everybody="true" if all else None).items
    if json:
        as_json(found)
        return 0
    rows = [
        (
            row.id,
            row.name,
            row.login,
            ",".join(row.scopes),
            ",".join(row.tenants) or "all",
            when(row.until),
            f"{when(row.used)} from {row.source}" if row.used else "never",
        )
        for row in found
    ]
    headings = ("TOKEN", "NAME", "OF", "SCOPES", "TENANTS", "UNTIL", "USED")
    table(headings, rows, empty="no tokens: pushline token create NAME --scope read")
    return 0


@app.command
def revoke(id: Annotated[str, Parameter(help="Of `token ls`.")], *, at: At = HERE) -> int:
    """Make a token worthless, everywhere, within a second."""
    gone = Api(target(at)).send("DELETE", f"/api/tokens/{id}", TokenGone)
    sys.stdout.write(f"token {gone.id} is worth nothing any more\n")
    return 0
