"""What is to be deployed, and whether it still is. No clock, no I/O."""

from typing import NamedTuple

import msgspec

from consumers.deployer.platform import Revision, Running
from schemas.envelope import Aggregate, Recorded
from schemas.errors import DeployFailed
from schemas.events import Event
from schemas.events.function import FunctionDeployed, FunctionDeployFailed, FunctionRemoved
from schemas.events.run import RunBuilt, RunQueued, RunResolved
from schemas.ids import Digest, Sha
from schemas.route import RouteOptions
from schemas.schedule import Schedule
from schemas.stack_spec import FunctionSpec


class Wanted(msgspec.Struct, frozen=True):
    """One function of one run, with what its run says."""

    built: Recorded[RunBuilt]
    queued: Recorded[RunQueued]
    sha: Sha

    @property
    def function(self) -> Aggregate:
        """Return what the deployer's facts are about."""
        of = self.built.of
        name = f"{self.queued.fact.environment}/{self.built.fact.function}"
        return Aggregate(of.forge, of.project, "function", name)

    @property
    def id(self) -> str:
        """Return the revision's id: the same for every delivery of the same event.

        One that comes back keeps its own: where it runs still, it is routed at once.
        """
        return self.built.fact.revision or revision_id(self.sha, self.queued.fact.generation)


def wanted(
    built: Recorded[RunBuilt],
    queued: Recorded[RunQueued],
    resolved: Recorded[RunResolved] | None,
) -> Wanted:
    """Return what this build is for; the resolved commit goes before the pushed one."""
    return Wanted(built, queued, queued.fact.sha if resolved is None else resolved.fact.sha)


def revision_id(sha: Sha, generation: int) -> str:
    """Return what people see: the commit and the count of its environment."""
    return f"{sha[:7]}-{generation}"


def overtaken(want: Wanted, latest: Recorded[Event] | None) -> str:
    """Return why nothing is to be done any more, "" when something is.

    ``latest`` is the newest of deployed, deploy-failed and removed about the function.
    """
    if latest is None:
        return ""
    fact, generation = latest.fact, want.queued.fact.generation
    if isinstance(fact, FunctionRemoved) and latest.seq > want.queued.seq:
        return "removed"
    if isinstance(fact, FunctionDeployed) and fact.generation > generation:
        return "newer"
    if isinstance(fact, FunctionDeployed | FunctionDeployFailed) and fact.run == want.built.of.id:
        return "done"
    return ""


class Wishes(NamedTuple):
    """What a function's stack asks of others than the platform that runs it."""

    route: RouteOptions = RouteOptions()
    schedule: Schedule = Schedule()


def failure(want: Wanted, code: str, message: str) -> FunctionDeployFailed:
    """Return the fact of a revision that did not become ready."""
    return FunctionDeployFailed(
        run=want.built.of.id,
        generation=want.queued.fact.generation,
        revision=want.id,
        code=code,
        message=message,
    )


def ending(
    want: Wanted,
    outcome: Running | DeployFailed,
    before: Recorded[Event] | None,
    wishes: Wishes,
) -> FunctionDeployed | FunctionDeployFailed:
    """Return the fact that a deployment ends with; ``before`` is what was live."""
    if isinstance(outcome, DeployFailed):
        return failure(want, outcome.code, str(outcome))
    run, generation = want.built.of.id, want.queued.fact.generation
    live = before.fact if before is not None else None
    return FunctionDeployed(
        run=run,
        generation=generation,
        revision=want.id,
        image=want.built.fact.image,
        spec=want.built.fact.spec,
        sha=want.sha,
        label=want.queued.fact.label,
        environment=want.queued.fact.environment,
        function=want.built.fact.function,
        upstream=outcome.upstream,
        start_ms=outcome.start_ms,
        previous=live.revision if isinstance(live, FunctionDeployed) else "",
        reference=want.built.fact.reference,
        upstreams=outcome.upstreams,
        route=wishes.route,
        schedule=wishes.schedule,
    )


def revision(
    of: Aggregate,
    id: str,
    *,
    image: Digest,
    reference: str,
    sha: Sha,
    queued: RunQueued,
    spec: FunctionSpec,
    over: int = 0,
) -> Revision:
    """Return what the platform is to run; ``queued`` began the run that it is of."""
    environment, _, function = of.id.partition("/")
    return Revision(
        id=id,
        forge=of.forge,
        project=of.project,
        environment=environment,
        function=function,
        generation=queued.generation,
        image=image,
        reference=reference,
        label=queued.label,
        sha=sha,
        branch=queued.branch,
        repository=queued.repository,
        spec=spec,
        over=over,
    )
