"""Domains under ``/api``: hosts of the operator's own, and the functions they lead to."""

import difflib
from collections.abc import Callable

import msgspec
from litestar import delete, get, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, SkipValidation

from edge.api.domain_book import DomainBook
from edge.api.problems import NotFound
from edge.api.queries import After, Asks, Cursor, Limit
from edge.api.shapes import DomainView, DomainWritten, Page
from edge.api.then import READS
from edge.api.views import Views, reached
from edge.auth.asking import Asking

SHOWN = 5  # names in a hint


class Place(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a host is to lead."""

    label: str
    function: str = ""


@get("/domains", dependencies=READS, summary="Hosts of the operator's own, and where they lead")
async def domains(
    *,
    views: NamedDependency[Views],
    asking: Asks,
    limit: Limit = 100,
    cursor: Cursor = "",
    after: After = 0,
) -> Page[DomainView]:
    """Return domains by host."""
    seq = await reached(views.domains, after)
    rows = {
        host: row
        for host, row in views.domains.rows.items()
        if asking.may("read", views.tenant_of(row.label))
    }
    hosts = sorted(host for host in rows if host > cursor)
    items = [DomainView(**msgspec.structs.asdict(rows[host])) for host in hosts[:limit]]
    return Page(items=items, seq=seq, cursor=hosts[limit - 1] if len(hosts) > limit else "")


@put("/domains/{host:str}", summary="Lead a host to a tenant, or to one function of it")
async def map_domain(
    *,
    views: NamedDependency[Views],
    book: NamedDependency[SkipValidation[DomainBook]],
    asking: Asks,
    host: FromPath[str],
    data: JSONBody[Place],
) -> DomainWritten:
    """Map a host; its DNS has to lead here, and its certificate is the proxy's in front."""
    _known(views, asking, data)
    asking.need("domains", views.tenant_of(data.label))
    name, seq = await book.add(
        host, data.label, data.function, by=asking.actor, told=_told(views, asking)
    )
    return DomainWritten(host=name, seq=seq)


@delete("/domains/{host:str}", status_code=200, summary="Lead a host nowhere")
async def unmap_domain(
    *,
    views: NamedDependency[Views],
    book: NamedDependency[SkipValidation[DomainBook]],
    asking: Asks,
    host: FromPath[str],
) -> DomainWritten:
    """Unmap a host; routers answer 404 to it from then on."""

    def allowed(label: str) -> None:
        asking.need("domains", views.tenant_of(label))

    name, seq = await book.remove(host, by=asking.actor, told=_told(views, asking), allowed=allowed)
    return DomainWritten(host=name, seq=seq)


HANDLERS = (domains, map_domain, unmap_domain)


def _told(views: Views, asking: Asking) -> Callable[[str], bool]:
    """Return what says whether the caller may know what a label's hosts are."""
    return lambda label: asking.may("read", views.tenant_of(label))


def _known(views: Views, asking: Asking, place: Place) -> None:
    """Raise NotFound for a tenant or a function that nobody has pushed, or that is not his."""
    rows = [row for row in views.functions.rows.values() if views.seen(row, asking.sees)]
    names = {row.label for row in rows if row.label}
    what, wanted = f"tenant {place.label[:100]}", place.label
    if place.label in names and place.function:
        names = {row.function for row in rows if row.label == wanted}
        what, wanted = f"function {place.function[:100]} of {place.label}", place.function
    if wanted not in names:
        near = difflib.get_close_matches(wanted, names, SHOWN) or sorted(names)[:SHOWN]
        there = f"there are {', '.join(near)}" if near else "nothing was pushed yet"
        raise NotFound(f"no {what}", hint=there)
