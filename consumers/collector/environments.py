"""Environments: which functions the newest run of each wants. Pure."""

from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from schemas.envelope import Recorded
from schemas.events import Event
from schemas.events.run import (
    RunBuilt,
    RunCancelled,
    RunFinished,
    RunQueued,
    RunRejected,
    RunResolved,
    RunSuperseded,
)

STACK_MISSING = "stack_missing"  # what source finds where stack.yml was


class Run(msgspec.Struct, frozen=True):
    """A run that has not ended."""

    generation: int
    functions: tuple[str, ...] = ()
    returns: bool = False  # it takes a function back to an older revision, and leaves the others
    missing: bool = False  # its commit has no stack.yml any more


class Wants(msgspec.Struct, frozen=True):
    """What an environment is to have, by the newest run that ended well."""

    generation: int
    functions: tuple[str, ...]
    seq: int  # of the fact that says so
    reason: str = "stack"  # why what is not among them is unwanted


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """One environment of a project."""

    newest: int = 0  # the generation of the newest run
    open: dict[str, Run] = {}  # by the run's id
    wants: Wants | None = None
    branch: str = ""  # of the newest push; what is promoted comes of another
    closed: int = 0  # sequence of environment.closed
    deleted: int = 0  # sequence of branch.deleted, of production's branch

    @property
    def settled(self) -> Wants | None:
        """Return what it is to have; None while a newer run may want something else."""
        wants = self.wants
        return wants if wants and not self.open and wants.generation == self.newest else None


def place(environments: Mapping[str, Environment], run: str) -> str | None:
    """Return the environment of an open run."""
    return next((name for name, one in environments.items() if run in one.open), None)


def queued(environment: Environment, run: str, fact: RunQueued) -> Environment:
    """Return the environment with one more run, which calls it back to life."""
    return replace(
        environment,
        newest=max(environment.newest, fact.generation),
        open=environment.open | {run: Run(fact.generation)},
        branch=environment.branch if fact.promotes else fact.branch,
        closed=0,
        deleted=0,
    )


def told(environment: Environment, event: Recorded[Event]) -> Environment:
    """Return the environment after a fact about one of its open runs."""
    id, fact = event.of.id, event.fact
    run = environment.open[id]
    match fact:
        case RunResolved(functions=functions):
            run = replace(run, functions=functions)
        case RunBuilt(revision=revision) if revision:
            run = replace(run, returns=True)
        case RunRejected(code=code):
            run = replace(run, missing=code == STACK_MISSING)
        case RunFinished() | RunCancelled() | RunSuperseded():
            left = {key: one for key, one in environment.open.items() if key != id}
            return _ended(replace(environment, open=left), run, event)
        case _:
            return environment
    return replace(environment, open=environment.open | {id: run})


def _ended(environment: Environment, run: Run, event: Recorded[Event]) -> Environment:
    """Return what is wanted after a run; one that did not end well says nothing."""
    before, fact = environment.wants, event.fact
    if not isinstance(fact, RunFinished) or (before and run.generation < before.generation):
        return environment
    if fact.outcome == "rejected" and run.missing:
        return replace(environment, wants=Wants(run.generation, (), event.seq, "stack-deleted"))
    if fact.outcome not in ("live", "empty"):
        return environment
    if run.returns:
        if before is None:
            return environment
        functions = tuple(dict.fromkeys((*before.functions, *run.functions)))
        wants = replace(before, generation=run.generation, functions=functions)
    else:
        wants = Wants(run.generation, run.functions, event.seq)
    return replace(environment, wants=wants)
