"""Quotas under ``/api``: what accounts may have and what they use; operators say how much."""

import uuid
from typing import Annotated, Any, Final

import msgspec
from litestar import get, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, SkipValidation
from msgspec import Meta

from bus.log import EventLog
from edge.api.allotted import Amount, Builds, QuotaView, QuotaViews, QuotaWritten
from edge.api.problems import NotFound
from edge.api.queries import After, Asks
from edge.api.then import READS
from edge.api.views import Views, reached
from edge.auth.asking import Asking
from edge.auth.policy import Resource
from schemas.allowed import quota_of
from schemas.envelope import tenant
from schemas.events.tenant import TenantQuotaSet
from schemas.quotas import used
from schemas.secrets import FORGES

Most = Annotated[int, Meta(ge=0, le=10**9)]


class QuotaSaid(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that is to hold of one account; what is left out is as for all. 0: any number."""

    functions: Most | None = None
    replicas: Most | None = None
    memory: Most | None = None  # MiB
    builds: Most | None = None  # at once, in one builder


@get("/quotas", dependencies=READS, summary="What accounts may have, and what they use")
async def quotas(*, views: NamedDependency[Views], asking: Asks, after: After = 0) -> QuotaViews:
    """Return every account that pushes, or that something was said of, by name."""
    seq = await _reached(views, after)
    known = {row.account for row in views.using.rows.values()} | set(views.said.rows)
    seen = [whose for whose in sorted(known) if asking.may("read", _resource(whose))]
    return QuotaViews(items=[_view(views, whose) for whose in seen], seq=seq)


@get(
    "/tenants/{forge:str}/{owner:str}/quota",
    dependencies=READS,
    summary="What an account may have, and what it uses",
)
async def quota(
    *,
    views: NamedDependency[Views],
    asking: Asks,
    forge: FromPath[str],
    owner: FromPath[str],
    after: After = 0,
) -> QuotaView:
    """Return one account; a group's is that of all groups within it."""
    whose = _account(asking, forge, owner)
    await _reached(views, after)
    return _view(views, whose)


@put("/tenants/{forge:str}/{owner:str}/quota", summary="Say what an account may have")
async def set_quota(
    *,
    event_log: NamedDependency[SkipValidation[EventLog]],
    asking: Asks,
    forge: FromPath[str],
    owner: FromPath[str],
    data: JSONBody[QuotaSaid],
) -> QuotaWritten:
    """Write what holds from the next push on; what runs already stays."""
    whose = _account(asking, forge, owner)
    asking.need("operate")
    fact = TenantQuotaSet(**msgspec.structs.asdict(data))
    on = _resource(whose)
    of, id = tenant(on.forge, on.owner), f"edge:{uuid.uuid4()}:tenant.quota-set"
    seq = await event_log.append(fact, of=of, id=id, actor=asking.actor, name=on.owner)
    return QuotaWritten(tenant=_shown(whose), seq=seq)


HANDLERS: Final[tuple[Any, ...]] = (quotas, quota, set_quota)


async def _reached(views: Views, after: int) -> int:
    await reached(views.said, after)
    return await reached(views.using, after)


def _view(views: Views, whose: str) -> QuotaView:
    most, use = (
        quota_of(views.said.rows, whose, views.quota),
        used(views.using.rows.values(), whose),
    )
    said = views.said.rows.get(whose)

    def own(name: str) -> bool:
        return said is not None and getattr(said.fact, name) is not None

    def amount(name: str) -> Amount:
        return Amount(used=getattr(use, name), most=getattr(most, name), own=own(name))

    return QuotaView(
        tenant=_shown(whose),
        functions=amount("functions"),
        replicas=amount("replicas"),
        memory=amount("memory"),
        builds=Builds(most=most.builds, own=own("builds")),
    )


def _account(asking: Asking, forge: str, owner: str) -> str:
    """Return an account that the caller may read; another is not there for him."""
    root, _, within = owner.lower().replace(":", "/").partition("/")
    whose = f"{forge} {root}"
    if forge not in FORGES or not asking.may("read", _resource(whose)):
        raise NotFound(f"no account {forge}/{root[:100]}", hint="write FORGE/OWNER, as github/acme")
    if within:
        hint = f"write {forge}/{root}: its quota holds for all groups within it together"
        raise NotFound(f"{forge}/{root}/{within[:100]} has no quota of its own", hint=hint)
    return whose


def _resource(whose: str) -> Resource:
    return Resource(*whose.split(" ", 1))


def _shown(whose: str) -> str:
    return whose.replace(" ", "/", 1)
