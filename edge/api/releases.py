"""Releases under ``/api``: a preview becomes production, a function goes back. Nothing is built.

What is asked for names the very facts that tell of the artefacts, so that it means the same
whenever the planner reads it.
"""

import uuid
from typing import Annotated, Any, ClassVar, Final

import msgspec
from litestar import post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, SkipValidation
from msgspec import Meta

from bus.log import EventLog
from edge.api.asked import RunAsked
from edge.api.deploys import of_function, of_run
from edge.api.problems import NotFound
from edge.api.promoting import require_room
from edge.api.queries import Asks
from edge.api.shapes import Deploy
from edge.api.targets import newest_run, preview_of, project_of
from edge.api.views import Views
from edge.auth.asking import Asking
from edge.auth.policy import Resource
from schemas.envelope import Aggregate
from schemas.environments import PRODUCTION
from schemas.errors import PushlineError
from schemas.events import Event
from schemas.events.environment import EnvironmentPromoteRequested
from schemas.events.function import FunctionRollbackRequested
from schemas.events.image import ImageCollected
from schemas.ids import run_id, tag_of

SHOWN: Final = 5  # revisions in a hint
Reason = Annotated[str, Meta(max_length=1000, description="why, for those who read it later")]


class NotReleasable(PushlineError):
    """What is to be released is not in a state to be."""

    code = "not_releasable"
    status: ClassVar = 409


class Promotion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be production."""

    project: str  # owner/name
    environment: str  # the preview
    forge: str = ""
    reason: Reason = ""


class Rollback(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a function is to be again."""

    to: str = ""  # a revision; "": the one before
    environment: str = PRODUCTION
    reason: Reason = ""


@post("/promotions", status_code=200, summary="Make production of what a preview runs")
async def promote(
    *,
    views: NamedDependency[Views],
    event_log: NamedDependency[SkipValidation[EventLog]],
    asking: Asks,
    data: JSONBody[Promotion],
) -> RunAsked:
    """Deploy the very artefacts of a preview's newest run to production; it has to be live."""
    row = project_of(views, data.project, data.forge, asking.sees)
    asking.need("run", Resource.of(row.forge, row.name))
    preview = preview_of(views, row, data.environment)
    run = newest_run(views, row, preview.environment)
    if run is None or run.outcome != "live":
        state = f"its newest run {run.id} is {run.outcome}" if run else "it has no run"
        raise NotReleasable(
            f"{preview.environment} cannot be promoted: {state}",
            hint="promote it once its newest run is live",
        )
    deploys = list(of_run(views, run))
    require_room(views, row, preview.environment, (deploy.function for deploy in deploys))
    artefacts = tuple(deploy.seq for deploy in deploys)
    fact = EnvironmentPromoteRequested(run.id, artefacts, data.reason)
    of = Aggregate(row.forge, row.project, "environment", preview.environment)
    return await _ask(event_log, asking, fact, of, row.name)


@post(
    "/functions/{label:str}/{name:str}/rollback",
    status_code=200,
    summary="Take a function back to a revision that it had",
)
async def rollback(
    *,
    views: NamedDependency[Views],
    event_log: NamedDependency[SkipValidation[EventLog]],
    asking: Asks,
    label: FromPath[str],
    name: FromPath[str],
    data: JSONBody[Rollback],
) -> RunAsked:
    """Deploy a recorded revision once more, as the newest generation."""
    row = await views.one_function(label, name, data.environment, 0, asking.sees)
    project = views.name_of(row.forge, row.project, row.name)
    asking.need("run", Resource.of(row.forge, project))
    history = of_function(views, label, name, data.environment, asking.sees)
    deploy = _revision(history, row.revision, data.to)
    image = Aggregate(row.forge, row.project, "image", deploy.image)
    await _kept(event_log, image, history)
    fact = FunctionRollbackRequested(deploy.revision, deploy.seq, data.reason)
    of = Aggregate(row.forge, row.project, "function", f"{data.environment}/{name}")
    return await _ask(event_log, asking, fact, of, project)


HANDLERS: Final[tuple[Any, ...]] = (promote, rollback)


def _revision(history: list[Deploy], live: str, wanted: str) -> Deploy:
    """Return the deployment to go back to; ``history`` is newest first."""
    if wanted and wanted == live:
        raise NotReleasable(f"{wanted} is live already", hint="`pushline deploys` shows others")
    for deploy in history:
        if deploy.revision == wanted or (not wanted and deploy.revision != live):
            return deploy
    there = dict.fromkeys(deploy.revision for deploy in history if deploy.revision != live)
    if not wanted:
        raise NotReleasable("there is nothing to go back to", hint="it was deployed once")
    hint = f"there are {', '.join(list(there)[:SHOWN])}" if there else "there is no other one"
    raise NotFound(f"no revision {wanted[:100]}", hint=hint)


async def _kept(events: EventLog, image: Aggregate, history: list[Deploy]) -> None:
    """Raise NotReleasable where the image was collected, and not made anew since."""
    gone = await events.last(image, ImageCollected)
    made = max(deploy.seq for deploy in history if deploy.image == image.id)
    if gone is not None and gone.seq > made:
        raise NotReleasable(
            f"the image of that revision was collected at {gone.time:%Y-%m-%d %H:%M}",
            hint="PUSHLINE_KEEP_REVISIONS says how many stay; push its commit to build it again",
        )


async def _ask(events: EventLog, asking: Asking, fact: Event, of: Aggregate, name: str) -> RunAsked:
    """Append a request; the run that it leads to is known by its id."""
    id = f"edge:{uuid.uuid4()}:{tag_of(fact).partition('/')[0]}"
    seq = await events.append(fact, of=of, id=id, actor=asking.actor, name=name)
    request = await events.get(seq)
    return RunAsked(run=run_id(request.id, request.time), seq=seq)
