"""`pushline members`: who is what in a tenant, beside what its forge says."""

import sys
from typing import Annotated, TypeAlias

from cyclopts import App, Parameter

from edge.api.asked import Members, MemberWritten
from edge.cli.client import Api
from edge.cli.moment import MomentOption, moment
from edge.cli.output import as_json, table, when
from edge.cli.where import HERE, At, JsonOption, target
from schemas.errors import SettingInvalid
from schemas.people import Role

app = App(name="members", help="Say who is what in a tenant.")

Tenant: TypeAlias = Annotated[str, Parameter(help="FORGE/OWNER: github/acme, gitlab/group/sub.")]
Who: TypeAlias = Annotated[
    str, Parameter(help="github:LOGIN, gitlab:LOGIN, oidc:SUBJECT, or the account's number.")
]


@app.command
def ls(tenant: Tenant, *, then: MomentOption = "", json: JsonOption = False, at: At = HERE) -> int:
    """List who has signed in with a role there, and whoever got one by hand."""
    found = Api(target(at)).get(_path(tenant), Members, at=moment(then)).items
    if json:
        as_json(found)
        return 0
    rows = [
        (
            row.who,
            row.login,
            row.role,
            "by hand" if row.by_hand else "its forge",
            when(row.seen) if row.seen else "",
        )
        for row in found
    ]
    headings = ("WHO", "LOGIN", "ROLE", "SAID BY", "SEEN")
    table(headings, rows, empty=f"nobody: pushline members set {tenant} github:LOGIN member")
    return 0


@app.command
def set(
    tenant: Tenant,
    who: Who,
    role: Annotated[Role, Parameter(help="viewer, member or owner.")],
    *,
    at: At = HERE,
) -> int:
    """Give somebody a role, beside what the forge says: the higher counts, at once."""
    body = {"who": who, "role": role}
    done = Api(target(at)).send("PUT", _path(tenant), MemberWritten, body)
    sys.stdout.write(f"{done.who} is {done.role} of {tenant}\n")
    return 0


@app.command
def rm(tenant: Tenant, who: Who, *, at: At = HERE) -> int:
    """Take back a role that was given by hand; what the forge says stays."""
    done = Api(target(at)).send("DELETE", _path(tenant), MemberWritten, who=who)
    sys.stdout.write(f"{done.who} has no role by hand in {tenant} any more\n")
    return 0


def _path(tenant: str) -> str:
    forge, _, owner = tenant.strip("/").partition("/")
    if not owner:
        raise SettingInvalid(f"{tenant} is no tenant", hint="write FORGE/OWNER, as github/acme")
    return f"/api/tenants/{forge}/{owner.replace('/', ':')}/members"
