"""Facts about a host name of an operator's own; its id is the host, above all projects."""

from schemas.events import Event


class DomainMapped(Event, frozen=True, tag="domain.mapped/1"):
    """A host leads to a tenant's functions. Written by edge, read by routes."""

    host: str
    label: str  # of the tenant
    function: str = ""  # answers at / alone; "": all of the tenant's, by the path's first segment


class DomainUnmapped(Event, frozen=True, tag="domain.unmapped/1"):
    """A host leads nowhere any more. Written by edge, read by routes."""

    host: str
