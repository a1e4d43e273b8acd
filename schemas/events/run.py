"""Facts about a run, all that one push sets off in one environment; its id is a ULID."""

from typing import Final, Literal

import msgspec

from schemas.environments import Previews
from schemas.events import Event
from schemas.ids import Digest, Sha
from schemas.repository import Repository


class Problem(msgspec.Struct, frozen=True):
    """One thing wrong, or not honoured yet, in a pushed file, with its cure."""

    message: str
    cure: str = ""
    file: str = "stack.yml"
    line: int = 0  # counted from 1; 0 when no line is to blame
    field: str = ""  # functions.hello.handler

    def __str__(self) -> str:
        """Return the line people see: ``stack.yml:7: functions.hello.handler: … (cure)``."""
        place = f"{self.file}:{self.line}" if self.line else self.file
        field = f" {self.field}:" if self.field else ""
        cure = f" ({self.cure})" if self.cure else ""
        return f"{place}:{field} {self.message}{cure}"


class RunQueued(Event, frozen=True, tag="run.queued/1"):
    """A push is to be built and deployed. Written by planner, read by source."""

    environment: str  # production, branch-<slug>, pr-<n>
    generation: int  # counted per environment
    branch: str
    sha: Sha
    repository: Repository
    label: str  # the tenant's host label
    resolve: bool = False  # the forge's head of the branch holds, not sha
    push: int = 0  # sequence of the branch.pushed that this answers; 0: of no push
    pusher: str = ""  # the forge's login
    pull: int = 0  # the pull request that it shows; 0: none
    ref: str = ""  # what the forge calls the commits, refs/pull/7/head; "": refs/heads/<branch>
    promotes: str = ""  # the run whose artefacts are deployed once more: nothing is built
    artefacts: tuple[int, ...] = ()  # sequences of the function.deployed that tell of these
    asked: str = ""  # who wanted it, where no push did
    reason: str = ""  # in the words of whoever wanted it


class RunSuperseded(Event, frozen=True, tag="run.superseded/1"):
    """A newer push took this run's place. Written by planner; source, builder and deployer stop."""

    by: str  # the newer run


class RunCancelRequested(Event, frozen=True, tag="run.cancel-requested/1"):
    """Somebody wants this run to end. Written by edge, read by planner.

    A run that has begun to deploy finishes.
    """


class RunRerunRequested(Event, frozen=True, tag="run.rerun-requested/1"):
    """Somebody wants this run's commit built and deployed again. Written by edge, read by planner.

    It leads to a run of its own, unless a newer one of the environment is there by then.
    """


class RunCancelled(Event, frozen=True, tag="run.cancelled/1"):
    """Somebody asked for this run to end. Written by planner."""

    by: str


class RunResolved(Event, frozen=True, tag="run.resolved/1"):
    """The commit is fetched and its stack is valid. Written by source, read by planner.

    Written by planner where recorded artefacts are deployed once more.
    """

    sha: Sha
    functions: tuple[str, ...]
    warnings: tuple[Problem, ...] = ()
    previews: Previews | None = None  # what its stack says of previews; None: nothing


class RunRejected(Event, frozen=True, tag="run.rejected/1"):
    """The commit can't be deployed; every error of its stack. Written by source."""

    sha: Sha
    problems: tuple[Problem, ...]
    code: str = "stack_invalid"


class RunArchived(Event, frozen=True, tag="run.archived/1"):
    """One function's build context is in the blobs. Written by source, read by builder."""

    function: str
    archive: Digest  # of the deterministic tar, before compression
    spec: Digest  # the blob of its FunctionSpec as JSON, environment and all
    language: str
    size: int = 0  # bytes of the tar
    replicas: int = 1  # that may run at most, as they count for quotas
    memory: int = 0  # MiB of all of them together


class RunBuildStarted(Event, frozen=True, tag="run.build-started/1"):
    """A builder took one function up. Written by builder."""

    function: str


class Attestation(msgspec.Struct, frozen=True):
    """What an image's registry holds about its making, an in-toto statement."""

    predicate: str  # https://slsa.dev/provenance/v0.2, https://spdx.dev/Document
    digest: Digest  # of the statement's blob


class RunBuilt(Event, frozen=True, tag="run.built/1"):
    """One function's image is there to be run. Written by builder, read by deployer.

    Written by planner where a recorded image is deployed once more.
    """

    function: str
    image: Digest  # of the bundle, or of the image's manifest or index
    spec: Digest
    cached: bool = False
    tool_ms: int = 0  # of the time it took, what pip, npm or an engine took
    reference: str = ""  # what to pull, HOST/PATH@sha256:…; "" for a bundle
    attestations: tuple[Attestation, ...] = ()
    revision: str = ""  # the one that comes back; "": a new one


class RunBuildFailed(Event, frozen=True, tag="run.build-failed/1"):
    """One function does not build. Written by builder, read by planner."""

    function: str
    code: str
    message: str
    tail: tuple[str, ...] = ()  # the last lines of the build's log


class RunDelayed(Event, frozen=True, tag="run.delayed/1"):
    """A step waits for something that is away, and goes on by itself. Written by the bus for it."""

    step: str  # the worker: source, builder, deployer
    code: str
    message: str
    function: str = ""


class RunFinished(Event, frozen=True, tag="run.finished/1"):
    """A run has ended; nothing comes after. Written by planner."""

    outcome: Literal["live", "failed", "rejected", "partly", "empty"]
    message: str = ""


ENDED: Final = (RunSuperseded, RunCancelled, RunRejected, RunFinished)
