"""Quotas at source, with a real log and real git: what is over never gets to a build."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from bus.connection import Bus
from bus.fold import Fold
from consumers.source.archive import Templates
from consumers.source.consumer import Source
from consumers.source.limits import SourceSettings
from consumers.source.quota import Quotas, Usual, need_of
from consumers.source.remote import Remote
from schemas.envelope import Aggregate, Recorded, tenant
from schemas.events.function import FunctionDeployed, FunctionRemoved
from schemas.events.run import RunArchived, RunQueued, RunRejected, RunResolved
from schemas.events.tenant import TenantQuotaSet
from schemas.quotas import Quota
from schemas.repository import Repository
from schemas.stack_spec import FunctionSpec, Resources
from schemas.using import Need
from tests.consumers.source.forge import HANDLER, STACK, Forge

FILES = {"stack.yml": STACK, "hello/handler.py": HANDLER}


@pytest.fixture
async def source(bus: Bus, forge: Forge, templates: Templates) -> AsyncIterator[Source]:
    """Yield the worker, its folds running; an account may have one function."""

    async def remotes(_: Aggregate, __: Repository) -> Remote:
        return Remote(forge.url)

    quotas = Quotas.kept(Usual(memory=64), Quota(functions=1))
    folding = [asyncio.create_task(_kept(bus, fold)) for fold in quotas.all()]
    yield Source(bus.log, bus.blobs, remotes, templates, SourceSettings(), quotas=quotas)
    for task in folding:
        task.cancel()


async def _kept(bus: Bus, fold: Fold[object]) -> None:  # type: ignore[type-var]
    await fold.run(bus.follow)


async def queued(bus: Bus, sha: str, project: str) -> Recorded[RunQueued]:
    """Queue a run of a project; return the fact."""
    owner, _, name = project.partition("/")
    of = Aggregate("local", project, "run", f"run-{name}-{await bus.log.head()}")
    fact = RunQueued("production", 1, "main", sha, Repository(owner, name, "main"), owner)
    await bus.log.append(fact, of=of, id=f"queued:{of.id}", name=project)
    found = await bus.log.last(of, RunQueued)
    assert found
    return found


async def ends(bus: Bus, *runs: Recorded[RunQueued]) -> list[str]:
    """Return how source has decided on each."""
    found = [await bus.log.last(run.of, RunRejected, RunResolved, RunArchived) for run in runs]
    return ["" if end is None else type(end.fact).__name__ for end in found]


async def test_what_is_over_is_rejected_before_the_build(
    bus: Bus, forge: Forge, source: Source
) -> None:
    """The second project's function is one too many: no archive, and the problem has the cure."""
    sha = forge.commit(FILES)
    first, second = await queued(bus, sha, "alice/one"), await queued(bus, sha, "alice/two")
    other = await queued(bus, sha, "bob/one")

    for run in (first, second, other):
        await source.handle(run)

    assert await ends(bus, first, second, other) == ["RunArchived", "RunRejected", "RunArchived"]
    rejected = await bus.log.last(second.of, RunRejected)
    assert rejected
    assert rejected.fact.code == "quota_exceeded"
    assert "is over by 1: local/alice may have 1 and would have 2" in str(rejected.fact.problems[0])
    archived = await bus.log.last(first.of, RunArchived)
    assert archived
    assert (archived.fact.replicas, archived.fact.memory) == (1, 64)


async def test_of_ten_pushes_at_once_one_gets_the_place(
    bus: Bus, forge: Forge, source: Source
) -> None:
    """Ten projects of one account are taken up in the same moment: only one fits, one passes."""
    sha = forge.commit(FILES)
    runs = [await queued(bus, sha, f"alice/p{number}") for number in range(10)]

    await asyncio.gather(*map(source.handle, runs))

    assert sorted(await ends(bus, *runs)) == ["RunArchived", *["RunRejected"] * 9]


async def test_removal_makes_room_and_an_operator_allows_more(
    bus: Bus, forge: Forge, source: Source
) -> None:
    """What the collector removed counts no more; what an operator says holds for the next push."""
    sha = forge.commit(FILES)
    first, second = await queued(bus, sha, "alice/one"), await queued(bus, sha, "alice/two")
    await source.handle(first)
    place = Aggregate("local", "alice/one", "function", "production/hello")
    archived = await bus.log.last(first.of, RunArchived)
    assert archived
    live = FunctionDeployed(
        run=first.of.id,
        generation=1,
        revision="r",
        image=archived.fact.archive,
        spec=archived.fact.spec,
        sha=sha,
        label="alice",
        environment="production",
        function="hello",
        upstream="unix:x",
    )
    await bus.log.append(live, of=place, id="live")
    removed = FunctionRemoved("alice", "production", "hello")
    await bus.log.append(removed, of=place, id="removed")

    await source.handle(second)
    third = await queued(bus, sha, "alice/three")
    await source.handle(third)
    said = TenantQuotaSet(functions=2)
    await bus.log.append(said, of=tenant("local", "alice"), id="said", name="alice")
    fourth = await queued(bus, sha, "alice/four")
    await source.handle(fourth)

    assert await ends(bus, second, third, fourth) == ["RunArchived", "RunRejected", "RunArchived"]


@pytest.mark.parametrize(
    ("labels", "memory", "by_stack", "need"),
    [
        ({}, "", True, Need(1, 4, 4 * 256)),
        ({"com.openfaas.scale.max": "2"}, "128Mi", True, Need(1, 2, 256)),
        ({"com.openfaas.scale.max": "2"}, "128m", True, Need(1, 2, 256)),
        ({"com.openfaas.scale.max": "x"}, "much", True, Need(1, 4, 4 * 256)),
        ({}, "1500k", True, Need(1, 4, 4 * 2)),
        ({"com.openfaas.scale.max": "2"}, "128Mi", False, Need(1, 4, 4 * 256)),
    ],
)
def test_what_a_function_takes(
    labels: dict[str, str], memory: str, *, by_stack: bool, need: Need
) -> None:
    """Its limit times its most replicas, where the platform acts on them."""
    spec = FunctionSpec(
        name="f", language="exec", handler="f", labels=labels, limits=Resources(memory)
    )

    assert need_of(spec, Usual(replicas=4, memory=256, by_stack=by_stack)) == need
