"""Settings of what an account may have, unless `pushline quotas set` says otherwise."""

from typing import Annotated

import msgspec
from msgspec import Meta

from edge.cli.building_settings import Building
from schemas.quotas import Quota


class Allotting(Building, frozen=True, kw_only=True):
    """A part of ``Settings``; structs inherit in a row."""

    quota_functions: Annotated[
        int, Meta(description="functions of an account in all environments; 0: any number", ge=0)
    ] = 0
    quota_replicas: Annotated[
        int, Meta(description="replicas that they may scale to together; 0: any number", ge=0)
    ] = 0
    quota_memory: Annotated[
        int, Meta(description="MiB of memory of all these together; 0: any amount", ge=0)
    ] = 0
    quota_builds: Annotated[
        int, Meta(description="builds of an account at once in one builder; 0: any number", ge=0)
    ] = 0
    quota_log: Annotated[
        int,
        Meta(
            description="MiB of lines that a tenant's builds, and its functions, keep a day, as "
            "each process counts from its start; 0: any amount",
            ge=0,
        ),
    ] = 0


def default_quota(settings: Allotting) -> Quota:
    """Return what an account may have of which nothing was said."""
    given = msgspec.structs.asdict(settings)
    names = (field.name for field in msgspec.structs.fields(Quota))
    return Quota(**{name: given[f"quota_{name}"] for name in names})
