"""Which secrets a stack names, and which of them are not there: told before anything is built."""

from collections.abc import Collection, Iterator, Sequence
from typing import Literal, Protocol

import msgspec

from schemas.envelope import Aggregate
from schemas.events.run import Problem, RunQueued
from schemas.secrets import Held, SecretInvalid, bound_name
from schemas.stack_spec import FunctionSpec, Stack


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """A secret that a stack names, and where it does."""

    name: str
    at: Problem  # its place; without a message yet
    of: Literal["function", "build"] = "function"
    namespace: str = ""  # that the function asks for


class KnownSecrets(Protocol):
    """Knows which secrets there are, never what is in them; shared between tasks."""

    async def held(self, run: Aggregate, queued: RunQueued, needs: Sequence[Need]) -> list[Held]:
        """Return for each need whether this run gets it."""
        ...


class AllKnown:
    """Nobody to ask: whoever builds or deploys will find out."""

    async def held(
        self,
        run: Aggregate,  # noqa: ARG002
        queued: RunQueued,  # noqa: ARG002
        needs: Sequence[Need],
    ) -> list[Held]:
        """Miss none."""
        return ["given" for _ in needs]


def needs_of(stack: Stack, honoured: Collection[str]) -> tuple[Need, ...]:
    """Return every secret that builder and platform will ask for."""
    return tuple(need for spec in stack.functions for need in _needs(spec, stack, honoured))


def _needs(spec: FunctionSpec, stack: Stack, honoured: Collection[str]) -> Iterator[Need]:
    place = f"functions.{spec.name}"
    if "secrets" in honoured:
        for index, name in enumerate(spec.secrets):
            at = stack.problem(f"{place}.secrets[{index}]", "")
            yield Need(name=name, at=at, namespace=spec.namespace)
    if "build_secrets" in honoured:
        for id, name in spec.build_secrets.items():
            at = stack.problem(f"{place}.build_secrets.{id}", "")
            yield Need(name=name, at=at, of="build")


async def missing(
    known: KnownSecrets, run: Aggregate, queued: RunQueued, needs: Sequence[Need]
) -> tuple[Problem, ...]:
    """Return a problem for each secret that this run does not get, each with its cure."""
    if not needs:
        return ()
    project = queued.repository.full_name
    found = await known.held(run, queued, needs)
    problems = (
        _problem(need, held, queued.label, project) for need, held in zip(needs, found, strict=True)
    )
    return tuple(problem for problem in problems if problem is not None)


def _problem(need: Need, held: Held, label: str, project: str) -> Problem | None:
    try:
        bound_name(label, need.name)
    except SecretInvalid as error:
        return msgspec.structs.replace(need.at, message=error.message, cure=error.hint)
    if held == "given":
        return None
    message, cure = f"there is no secret {need.name}", f"pushline secrets set {project} {need.name}"
    if held == "withheld":
        message = f"previews do not get the secret {need.name}"
        cure = f"{cure} --previews"
    return msgspec.structs.replace(need.at, message=message, cure=cure)
