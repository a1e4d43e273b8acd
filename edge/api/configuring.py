"""What owners say of a project beside its stack: the branch of production, and previews."""

import uuid
from typing import Annotated, Any, Final

import msgspec
from litestar import put
from litestar.di import NamedDependency
from litestar.params import JSONBody, SkipValidation
from msgspec import Meta

from bus.log import EventLog
from edge.api.asked import Configured
from edge.api.queries import Asks
from edge.api.targets import project_of
from edge.api.views import Views
from edge.auth.policy import Resource
from schemas.envelope import Aggregate
from schemas.environments import Previews
from schemas.events.project import ProjectConfigured

Pattern = Annotated[str, Meta(min_length=1, max_length=200)]


class Wanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which previews there are to be, whatever stack.yml says."""

    branches: Annotated[tuple[Pattern, ...], Meta(max_length=20)] = ()
    pull_requests: bool = False
    expire: Annotated[int, Meta(ge=0, le=90 * 86400, description="seconds")] = 0


class Said(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that is to hold; what is left out is as if nothing had been said."""

    project: str  # owner/name
    forge: str = ""
    branch: Annotated[str, Meta(max_length=200, description="of production")] = ""
    previews: Wanted | None = None  # None: as stack.yml says


@put("/project-settings", summary="Say what of a project goes where")
async def configure(
    *,
    views: NamedDependency[Views],
    event_log: NamedDependency[SkipValidation[EventLog]],
    asking: Asks,
    data: JSONBody[Said],
) -> Configured:
    """Write what holds from the next push on."""
    row = project_of(views, data.project, data.forge, asking.sees)
    asking.need("configure", Resource.of(row.forge, row.name))
    want = data.previews
    previews = Previews(want.branches, want.pull_requests, want.expire) if want else None
    fact = ProjectConfigured(data.branch, previews)
    of = Aggregate(row.forge, row.project, "project", "")
    id = f"edge:{uuid.uuid4()}:project.configured"
    seq = await event_log.append(fact, of=of, id=id, actor=asking.actor, name=row.name)
    return Configured(project=row.name, branch=data.branch, previews=previews, seq=seq)


HANDLERS: Final[tuple[Any, ...]] = (configure,)
