"""How one commit stands in one environment: what people are told of it, and nothing else.

A commit that runs twice in an environment has one standing: that of its newest run.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import msgspec

from schemas.events.run import Problem
from schemas.repository import Repository

State = Literal[
    "held",  # a fork's commit waits for a member's approval; it has no run yet
    "queued",
    "building",
    "deploying",
    "live",
    "empty",  # live, of no function at all
    "partly",  # some of its functions are live, others failed
    "failed",
    "rejected",  # its stack, or a name in it, can't be deployed
    "superseded",
    "cancelled",
    "refused",  # it gets no preview, and so no run
]
Stage = Literal[
    "waiting",
    "building",
    "built",
    "deploying",
    "live",  # seen ready
    "build-failed",
    "deploy-failed",
    "stopped",  # its run ended before it
]


class FunctionStanding(msgspec.Struct, frozen=True, kw_only=True):
    """One function of the commit; times are None until they come."""

    name: str
    stage: Stage = "waiting"
    archived: datetime | None = None  # its source is packed
    build_started: datetime | None = None
    built: datetime | None = None
    deploy_started: datetime | None = None
    ended: datetime | None = None  # seen ready, or failed
    cached: bool = False  # nothing had changed: the image was there
    back: bool = False  # a revision that it had before
    image: str = ""  # sha256:…
    reference: str = ""  # what to pull; "" for a bundle
    revision: str = ""
    code: str = ""  # of the failure
    message: str = ""
    tail: tuple[str, ...] = ()  # last lines of a build that failed
    seq: int = 0  # of the newest fact about it


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """One commit in one environment."""

    forge: str
    project: str  # the forge's own id
    environment: str
    sha: str
    repository: Repository
    state: State
    label: str = ""  # the tenant's host label
    run: str = ""  # "" while it is held, or was refused
    generation: int = 0
    branch: str = ""
    pull: int = 0
    pusher: str = ""  # the forge's login; of a held commit, its author
    asked: str = ""  # who wanted this run, where no push did
    reason: str = ""  # in their words
    promotes: str = ""  # the run whose artefacts these are; "" where it was built
    again: bool = False  # recorded artefacts: promoted or rolled back, nothing is built
    queued: datetime | None = None
    resolved: datetime | None = None  # fetched, and its stack is valid
    finished: datetime | None = None
    functions: tuple[FunctionStanding, ...] = ()  # in the order of stack.yml
    problems: tuple[Problem, ...] = ()  # why it was rejected
    warnings: tuple[Problem, ...] = ()
    code: str = ""  # of the rejection
    message: str = ""  # the run's last word
    by: str = ""  # the run or commit that superseded it; who cancelled it
    moved: str = ""  # the commit that its run took instead, the head of the branch by then
    delayed: str = ""  # what it waits for that is away; "" once it went on
    seq: int = 0  # of the newest fact about it

    @property
    def over(self) -> bool:
        """Tell whether nothing more comes of this run."""
        return self.state not in ("held", "queued", "building", "deploying")

    def function(self, name: str) -> FunctionStanding | None:
        """Return one of its functions."""
        return next((one for one in self.functions if one.name == name), None)


class Annotation(msgspec.Struct, frozen=True):
    """A line of a file of the commit, and what is wrong with it."""

    path: str
    line: int
    message: str
    title: str = ""
    level: Literal["notice", "warning", "failure"] = "failure"


class Text(msgspec.Struct, frozen=True):
    """What people read of a commit, or of one of its functions; ``texts.render`` writes it."""

    title: str
    summary: str  # Markdown
    description: str  # one line, where there is no room for more
    text: str = ""  # Markdown
    annotations: tuple[Annotation, ...] = ()


@dataclass(frozen=True, slots=True)
class Links:
    """Where what people are told of is to be seen."""

    functions: Callable[[str, str, str], str]  # of label, environment, function
    system: str  # https://system.ROOT, without a last slash

    def function(self, at: Standing, name: str) -> str:
        """Return where a function answers."""
        return self.functions(at.label, at.environment, name)

    def run(self, run: str) -> str:
        """Return where a run is told of."""
        return f"{self.system}/api/runs/{run}"

    def log(self, run: str) -> str:
        """Return what a run's builds wrote."""
        return f"{self.run(run)}/logs"
