"""What projects use, or are about to, folded from the log: what quotas count. Pure.

A function counts in each environment from the moment that its run is taken up, until it was
removed, or the run has ended without it.

Reads   run.queued/1, run.archived/1, run.built/1, run.build-failed/1, the ends of runs,
        function.deployed/1, function.deploy-failed/1, function.removed/1
"""

from operator import add, sub
from typing import Final, TypeVar

import msgspec
from msgspec.structs import replace

from schemas.envelope import Recorded
from schemas.events import Event
from schemas.events.function import FunctionDeployed, FunctionDeployFailed, FunctionRemoved
from schemas.events.run import ENDED, RunArchived, RunBuildFailed, RunBuilt, RunQueued
from schemas.ids import Digest
from schemas.tenants import account

SPECS: Final = 64  # of a project, whose needs are known beside those that run
T = TypeVar("T")


class Need(msgspec.Struct, frozen=True):
    """What functions take at most, by their limits and scale."""

    functions: int = 0
    replicas: int = 0
    memory: int = 0  # MiB, of all replicas

    def __add__(self, other: "Need") -> "Need":
        """Return both together."""
        return Need(*map(add, _numbers(self), _numbers(other)))

    def __sub__(self, other: "Need") -> "Need":
        """Return what is left of this without the other."""
        return Need(*map(sub, _numbers(self), _numbers(other)))

    def __or__(self, other: "Need") -> "Need":
        """Return what is enough for either."""
        return Need(*map(max, _numbers(self), _numbers(other)))


def _numbers(need: Need) -> tuple[int, ...]:
    return need.functions, need.replicas, need.memory


NOTHING: Final = Need()
ONE: Final = Need(1, 1, 0)  # of a function that was built before needs were told


class Held(msgspec.Struct, frozen=True):
    """One function in one environment."""

    spec: Digest = ""  # of what runs; "": nothing yet
    wanted: dict[str, Need] = {}  # by run that goes on


class Using(msgspec.Struct, frozen=True, kw_only=True):
    """What one project uses."""

    account: str = ""  # of whoever owned it as its newest run was queued
    runs: dict[str, str] = {}  # that go on, with their environments
    functions: dict[str, Held] = {}  # by environment/name
    needs: dict[Digest, Need] = {}  # by the blob of a spec


def key(event: Recorded[Event]) -> str | None:
    """Return whose row a fact belongs to."""
    return f"{event.of.forge} {event.of.project}" if isinstance(event.fact, _READ) else None


_READ: Final = (
    *(RunQueued, RunArchived, RunBuilt, RunBuildFailed, *ENDED),
    *(FunctionDeployed, FunctionDeployFailed, FunctionRemoved),
)


def reduce(row: Using | None, event: Recorded[Event]) -> Using | None:
    """Return what the project uses after one more fact, None for nothing."""
    found = _next(row or Using(), event)
    return found if found.runs or found.functions else None


def _next(row: Using, event: Recorded[Event]) -> Using:
    run = event.of.id
    match event.fact:
        case RunQueued(environment=environment, repository=repository):
            whose = account(event.of.forge, repository.full_name)
            return replace(row, account=whose, runs=row.runs | {run: environment})
        case RunArchived(function=function, spec=spec) as fact:
            need = Need(1, fact.replicas, fact.memory)
            row = replace(row, needs=row.needs | {spec: need})
            return _wants(row, run, function, need)
        case RunBuilt(function=function, spec=spec):  # of artefacts nothing else tells
            return _wants(row, run, function, row.needs.get(spec, ONE))
        case RunBuildFailed(function=function):
            return _wants_no_more(row, run, f"{row.runs.get(run, '')}/{function}")
        case FunctionDeployed() | FunctionDeployFailed() | FunctionRemoved() as fact:
            return _function(row, event.of.id, fact)
        case _:
            return _ended(row, run)


def _function(
    row: Using, place: str, fact: FunctionDeployed | FunctionDeployFailed | FunctionRemoved
) -> Using:
    if isinstance(fact, FunctionRemoved):
        return _put(row, place, replace(row.functions.get(place, Held()), spec=""))
    row = _wants_no_more(row, fact.run, place)
    if isinstance(fact, FunctionDeployFailed):  # what ran before still runs
        return row
    return _lean(_put(row, place, replace(row.functions.get(place, Held()), spec=fact.spec)))


def _wants(row: Using, run: str, function: str, need: Need) -> Using:
    if run not in row.runs:
        return row
    place = f"{row.runs[run]}/{function}"
    held = row.functions.get(place, Held())
    if run in held.wanted:
        return row
    return _put(row, place, replace(held, wanted=held.wanted | {run: need}))


def _wants_no_more(row: Using, run: str, place: str) -> Using:
    held = row.functions.get(place)
    if held is None or run not in held.wanted:
        return row
    return _put(row, place, replace(held, wanted=_without(held.wanted, run)))


def _ended(row: Using, run: str) -> Using:
    for place in list(row.functions):
        row = _wants_no_more(row, run, place)
    return replace(row, runs=_without(row.runs, run))


def _put(row: Using, place: str, held: Held) -> Using:
    """Return the row with one function as it is now; one that nothing is left of is gone."""
    if held == Held():
        return replace(row, functions=_without(row.functions, place))
    return replace(row, functions=row.functions | {place: held})


def _without(rows: dict[str, T], key: str) -> dict[str, T]:
    return {one: value for one, value in rows.items() if one != key}


def _lean(row: Using) -> Using:
    """Forget what old specs needed, but for the newest."""
    if len(row.needs) <= 2 * SPECS:
        return row
    runs = {held.spec for held in row.functions.values()}
    kept = {*list(row.needs)[-SPECS:], *runs}
    return replace(row, needs={spec: need for spec, need in row.needs.items() if spec in kept})


def need_of(row: Using, held: Held) -> Need:
    """Return what a function needs at most, while one revision takes another's place."""
    need = row.needs.get(held.spec, ONE) if held.spec else NOTHING
    for wanted in held.wanted.values():
        need |= wanted
    return need
