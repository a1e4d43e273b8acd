"""The edge: that it answers where router and source ask it, and knows our token."""

from typing import Final

from bus.blocking import run_blocking
from edge.api.shapes import Page, RunItem
from edge.cli.client import Api
from edge.cli.doctor.finding import Check, Outcome, Subject, fail, off, ok
from edge.cli.home import Endpoint
from edge.cli.variables import variable


async def edge(subject: Subject) -> Outcome:
    """Read one run by the API."""
    if subject.at is None:
        return off("nothing runs here: start it with `pushline up`")
    if not subject.at.token:
        return fail("there is no token to ask the edge with", f"set {variable('token')}")
    return await run_blocking(_asked, subject.at)


def _asked(at: Endpoint) -> Outcome:
    page = Api(at).get("/api/runs", Page[RunItem], limit=1)
    return ok(f"{at.socket or f'{at.host}, port {at.port},'} answers, at sequence {page.seq}")


CHECKS: Final = (Check("edge", edge),)
