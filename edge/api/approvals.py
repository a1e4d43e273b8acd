"""Approval under ``/api``: a member lets one commit of a fork be built, after having read it."""

from typing import Annotated, Any, ClassVar, Final

import msgspec
from litestar import post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, SkipValidation
from msgspec import Meta

from bus.log import EventLog
from edge.api.asked import Approved
from edge.api.queries import Asks
from edge.api.targets import project_of
from edge.api.views import Views
from edge.auth.policy import Resource
from schemas.envelope import Aggregate
from schemas.environments import of_pull
from schemas.errors import PushlineError
from schemas.events.pull import PullApproved

Start = Annotated[str, Meta(pattern=r"^[0-9a-f]{7,64}$(?!\n)", description="of the commit's sha")]


class NotHeld(PushlineError):
    """What is to be approved does not wait for it: there may be a newer commit."""

    code = "not_held"
    status: ClassVar = 409


class Approval(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which commit was read, and found good."""

    project: str  # owner/name
    sha: Start
    forge: str = ""
    reason: Annotated[str, Meta(max_length=1000)] = ""


@post("/pulls/{number:int}/approve", status_code=200, summary="Let a fork's commit be built")
async def approve(
    *,
    views: NamedDependency[Views],
    event_log: NamedDependency[SkipValidation[EventLog]],
    asking: Asks,
    number: FromPath[int],
    data: JSONBody[Approval],
) -> Approved:
    """Approve the commit that waits, and no other: the next one of the fork waits again."""
    row = project_of(views, data.project, data.forge, asking.sees)
    asking.need("run", Resource.of(row.forge, row.name))
    environment = of_pull(number)
    preview = views.environments.rows.get(f"{row.forge}:{row.project}:{environment}")
    held = preview.held if preview else ""
    if not held.startswith(data.sha) or not held:
        waiting = f"{held[:12]} waits, not that one" if held else "nothing of it waits"
        raise NotHeld(
            f"pull request {number} of {row.name}: {waiting}",
            hint=f"`pushline previews ls {row.name}` shows what waits; read it before",
        )
    of = Aggregate(row.forge, row.project, "pull", str(number))
    # who approves the same twice is answered the same
    id = f"edge:{row.forge}:{row.project}:{number}:{held}:pull.approved"
    fact = PullApproved(number, held, data.reason)
    seq = await event_log.append(fact, of=of, id=id, actor=asking.actor, name=row.name)
    return Approved(environment=environment, sha=held, seq=seq)


HANDLERS: Final[tuple[Any, ...]] = (approve,)
