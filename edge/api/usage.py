"""What a function was asked lately, summed over all routers and minutes."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter

from bus.usage import UsageLog
from edge.api.functions import Function
from edge.api.queries import Asks
from edge.api.shapes import UsageView
from edge.api.views import Views
from schemas import subjects
from schemas.usage import added, quantile


@get("/functions/{label:str}/{name:str}/usage", summary="What a function was asked lately")
async def usage(
    *,
    views: NamedDependency[Views],
    counts: NamedDependency[UsageLog],
    asking: Asks,
    label: FromPath[str],
    name: FromPath[str],
    environment: FromQuery[str] = "production",
    minutes: Annotated[
        int, QueryParameter(ge=1, le=1440, description="how far back, a day at most")
    ] = 60,
) -> UsageView:
    """Return its requests, errors, and how long half and 99 of 100 of them took at most."""
    row = await views.one_function(label, name, environment, 0, asking.sees)
    return await used(counts, row, minutes)


async def used(counts: UsageLog, row: Function, minutes: int) -> UsageView:
    """Return what one function was asked in the last minutes."""
    subject = subjects.usage(row.forge, row.project, f"{row.environment}/{row.function}")
    since = datetime.now(UTC) - timedelta(minutes=minutes)
    total = added([part.usage async for part in counts.since(subject, since)])
    return UsageView(
        minutes=minutes,
        invocations=total.invocations,
        errors=total.errors,
        p50_ms=round(quantile(total.latency, 0.5), 2),
        p99_ms=round(quantile(total.latency, 0.99), 2),
    )
