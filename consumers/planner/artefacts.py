"""Artefacts: what was built and deployed once is deployed again, and nothing is built.

A promotion takes all that a preview's run made live to production; a rollback takes one function
back to a revision that it had. Both are a run of their own: in one batch it is queued, resolved
and built, so that source and builder find nothing to do and the deployer does what it always does.
"""

import structlog
from msgspec.structs import replace

from bus.log import EventLog
from consumers.planner.decide import Decision, superseded
from consumers.planner.projects import Project
from schemas.envelope import Aggregate, Recorded
from schemas.environments import PRODUCTION, is_preview
from schemas.events import Event
from schemas.events.environment import EnvironmentPromoteRequested
from schemas.events.function import FunctionDeployed, FunctionRollbackRequested
from schemas.events.run import RunBuilt, RunQueued, RunResolved
from schemas.ids import run_id

log = structlog.get_logger(__name__)


async def asked(
    events: EventLog,
    request: Recorded[Event],
    fact: EnvironmentPromoteRequested | FunctionRollbackRequested,
) -> RunQueued | None:
    """Return the run that a request asks for, without its generation; None where it cannot be."""
    if isinstance(fact, EnvironmentPromoteRequested):
        environment, artefacts = PRODUCTION, fact.deployed
    else:
        environment, artefacts = request.of.id.rpartition("/")[0], (fact.deployed,)
    found = await deployed(events, request.of, artefacts)
    if not found:
        log.warning("artefacts_unknown", cause=request.id)
        return None
    origin = found[0].fact
    run = Aggregate(request.of.forge, request.of.project, "run", origin.run)
    queued = await events.last(run, RunQueued)
    if queued is None:
        return None
    return replace(
        queued.fact,
        environment=environment,
        sha=origin.sha,
        resolve=False,
        push=0,
        pull=0 if environment == PRODUCTION else queued.fact.pull,
        ref="",
        promotes=origin.run,
        artefacts=artefacts,
        asked=request.actor,
        reason=fact.reason,
    )


async def deployed(
    events: EventLog, of: Aggregate, artefacts: tuple[int, ...]
) -> list[Recorded[FunctionDeployed]]:
    """Return these facts, none unless all of them are of this project and of one run."""
    found: list[Recorded[FunctionDeployed]] = []
    for seq in artefacts:
        event = await events.get(seq)
        mine = (event.of.forge, event.of.project) == (of.forge, of.project)
        if mine and isinstance(event.fact, FunctionDeployed):
            found.append(event)  # type: ignore[arg-type] # by the fact, which was just looked at
    runs = {event.fact.run for event in found}
    return found if len(found) == len(artefacts) and len(runs) == 1 else []


def deploy_again(
    project: Project,
    request: Recorded[Event],
    wanted: RunQueued,
    found: list[Recorded[FunctionDeployed]],
) -> Decision:
    """Return the run that deploys recorded artefacts, and what it supersedes.

    A rollback is about one function, and supersedes no run: what is newer than it stays out of
    its function by its generation alone.
    """
    environment = wanted.environment
    if is_preview(environment) and environment not in project.previews:
        return []
    run = run_id(request.id, request.time)
    queued = replace(wanted, generation=project.generations.get(environment, 0) + 1)
    functions = tuple(event.fact.function for event in found)
    batch: Decision = [(run, queued), (run, RunResolved(wanted.sha, functions))]
    batch += [(run, _built(event.fact, environment)) for event in found]
    if any(event.fact.environment == environment for event in found):
        return batch
    return [*batch, *superseded(project, environment, by=run, at=request.time)]


def _built(deployed: FunctionDeployed, environment: str) -> RunBuilt:
    """Return the recorded artefact; where it was deployed before it is the same revision."""
    return RunBuilt(
        function=deployed.function,
        image=deployed.image,
        spec=deployed.spec,
        cached=True,
        reference=deployed.reference,
        revision=deployed.revision if deployed.environment == environment else "",
    )
