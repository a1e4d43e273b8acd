"""Members under ``/api``: roles that owners give by hand, beside what the forge says."""

from typing import Annotated, Any, Final

import msgspec
from litestar import delete, get, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter, SkipValidation

from edge.api.asked import Members, MemberWritten
from edge.api.problems import NotFound
from edge.api.queries import Asks
from edge.api.then import READS
from edge.auth.asking import Asking
from edge.auth.policy import Resource
from edge.auth.roster import Roster
from schemas.people import Role
from schemas.secrets import FORGES

Who = Annotated[
    str, QueryParameter(description="github:LOGIN, gitlab:LOGIN, oidc:SUBJECT, or by number")
]


class Given(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is to be what."""

    who: str
    role: Role


@get(
    "/tenants/{forge:str}/{owner:str}/members",
    dependencies=READS,
    summary="Who is what in a tenant",
)
async def members(
    *,
    roster: NamedDependency[SkipValidation[Roster]],
    asking: Asks,
    forge: FromPath[str],
    owner: FromPath[str],
) -> Members:
    """Return those who have signed in, and those who got a role by hand."""
    return Members(items=roster.of(_tenant(asking, forge, owner)))


@put("/tenants/{forge:str}/{owner:str}/members", summary="Give somebody a role")
async def set_member(
    *,
    roster: NamedDependency[SkipValidation[Roster]],
    asking: Asks,
    forge: FromPath[str],
    owner: FromPath[str],
    data: JSONBody[Given],
) -> MemberWritten:
    """Give a role beside what the forge says, the higher counts; it holds at once."""
    on = _tenant(asking, forge, owner)
    asking.need("members", on)
    seq = await roster.set(on, data.who, data.role, asked=asking.caller)
    return MemberWritten(who=data.who, role=data.role, seq=seq)


@delete("/tenants/{forge:str}/{owner:str}/members", status_code=200, summary="Take a role back")
async def remove_member(
    *,
    roster: NamedDependency[SkipValidation[Roster]],
    asking: Asks,
    forge: FromPath[str],
    owner: FromPath[str],
    who: Who,
) -> MemberWritten:
    """Take back what was given by hand; what the forge says stays. It holds at once."""
    on = _tenant(asking, forge, owner)
    asking.need("members", on)
    seq = await roster.set(on, who, None, asked=asking.caller)
    return MemberWritten(who=who, role="", seq=seq)


HANDLERS: Final[tuple[Any, ...]] = (members, set_member, remove_member)


def _tenant(asking: Asking, forge: str, owner: str) -> Resource:
    """Return a tenant that the caller may read; another is not there for him.

    Of a group within another ``:`` stands between them, which no name at GitLab has.
    """
    on = Resource(forge, owner.lower().replace(":", "/"))
    if forge not in FORGES or not asking.may("read", on):
        raise NotFound(f"no tenant {forge}/{owner[:100]}", hint="write FORGE/OWNER, as github/acme")
    return on
