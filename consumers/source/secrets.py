"""Which secrets a stack names, and which of them are not there: told before anything is built."""

from collections.abc import Collection, Iterator, Sequence
from typing import Literal, Protocol

import msgspec

from consumers.source.limits import Refused, refused
from schemas.envelope import Aggregate, Recorded
from schemas.environments import is_preview
from schemas.events.run import Problem, RunQueued
from schemas.ids import Sha
from schemas.sealed import FILE, SealedSecret, parse
from schemas.secrets import Held, SecretInvalid, bound_name, bound_prefix
from schemas.stack_spec import FunctionSpec, Stack, StackInvalid


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

    async def keeper(self, run: Aggregate, queued: RunQueued, name: str) -> str:
        """Return the project or tenant whose secret of this name is set here, "" for none."""
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

    async def keeper(self, run: Aggregate, queued: RunQueued, name: str) -> str:  # noqa: ARG002
        """Know of nobody."""
        return ""


class Binding(Protocol):
    """Puts a repository's SealedSecrets into the cluster that opens them; shared between tasks."""

    @property
    def namespace(self) -> str:
        """Return the one in which they are bound."""
        ...

    async def bind(
        self, cause: Recorded[RunQueued], declared: Sequence[SealedSecret], *, sha: Sha
    ) -> None:
        """Have exactly a commit's there; raises ClusterUnavailable, SealedRefused."""
        ...


def declared(
    body: bytes | None, queued: RunQueued, binding: Binding | None
) -> tuple[SealedSecret, ...]:
    """Return what secrets.yml declares for this run; raises Refused with every error in it.

    A preview binds nothing: what it sealed would take the place of production's.
    """
    if body is None or (binding is not None and is_preview(queued.environment)):
        return ()
    if binding is None:
        message = "SealedSecrets are bound by OpenFaaS on Kubernetes, which does not run this"
        project = queued.repository.full_name
        cure = f"pushline secrets set {project} NAME for each, and remove the file"
        raise refused("secrets_invalid", message, cure, file=FILE)
    try:
        return parse(body, label=queued.label, namespace=binding.namespace)
    except StackInvalid as error:
        raise Refused("secrets_invalid", error.problems) from error


def unbound(body: bytes | None, queued: RunQueued) -> tuple[Problem, ...]:
    """Return what a preview's pusher is told of a secrets.yml: that it is for production."""
    if body is None or not is_preview(queued.environment):
        return ()
    cure = f"pushline secrets set {queued.repository.full_name} NAME --previews"
    return (Problem("previews do not get what is sealed in it", cure, FILE),)


async def twofold(
    known: KnownSecrets, run: Aggregate, queued: RunQueued, sealed: Sequence[SealedSecret]
) -> tuple[Problem, ...]:
    """Return a problem for each sealed secret that is set here as well.

    Controller and deployer would write one name in turns: which value a function finds is chance.
    """
    problems = []
    for one in sealed:
        name = one.name.removeprefix(bound_prefix(queued.label))
        if keeper := await known.keeper(run, queued, name):
            message = f"{keeper} has a secret {name} beside it: both would be {one.name}"
            cure = f"pushline secrets rm {keeper} {name}, or take it out of the file"
            problems.append(Problem(message, cure, FILE, one.line, "metadata.name"))
    return tuple(problems)


def without(
    needs: Sequence[Need], sealed: Sequence[SealedSecret], label: str, namespace: str
) -> list[Need]:
    """Return the needs that secrets.yml does not meet."""
    names = {one.name for one in sealed}
    return [
        need
        for need in needs
        if need.of == "build"
        or need.namespace not in ("", namespace)
        or bound_prefix(label) + need.name not in names
    ]


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
    found = await known.held(run, queued, needs)
    problems = (_problem(need, held, queued) for need, held in zip(needs, found, strict=True))
    return tuple(problem for problem in problems if problem is not None)


def _problem(need: Need, held: Held, queued: RunQueued) -> Problem | None:
    try:
        bound_name(queued.label, need.name)
    except SecretInvalid as error:
        return msgspec.structs.replace(need.at, message=error.message, cure=error.hint)
    if held == "given":
        return None
    message = f"there is no secret {need.name}"
    cure = f"pushline secrets set {queued.repository.full_name} {need.name}"
    preview = is_preview(queued.environment)
    if held == "withheld":
        message = (
            f"{'previews do' if preview else 'production does'} not get the secret {need.name}"
        )
    if preview:
        cure = f"{cure} --previews"
    return msgspec.structs.replace(need.at, message=message, cure=cure)
