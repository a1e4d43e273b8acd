"""What goes, when, and what brings it back; on a real log."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from bus.connection import Bus
from consumers.collector.evidence import ForgesAsked, ForgeSilent
from consumers.collector.sweep import sweep
from schemas.envelope import tenant
from schemas.events.branch import BranchDeleted
from schemas.events.collection import CollectionCancelled, CollectionPlanned
from schemas.events.environment import EnvironmentClosed
from schemas.events.function import FunctionRemoved
from schemas.events.project import ProjectInstalled, ProjectRemoved
from schemas.events.run import Problem, RunBuilt, RunFinished, RunRejected, RunResolved
from schemas.events.secret import SecretBound, SecretRemoved, SecretSealed, SecretUnwanted
from schemas.events.tenant import TenantInstalled, TenantUninstalled
from tests.consumers.collector.yard import REPOSITORY, Witness, Yard, about, yard

DIGEST = "sha256:" + "0" * 64
SHA = "0" * 40


@pytest.mark.conformance("garbage-collect")
async def test_renamed_function_is_announced_then_goes(bus: Bus) -> None:
    """A name that stack.yml has no more goes after the grace time, once, with its reason."""
    async with yard(bus) as here:
        await here.live("fn1", "fn2")
        await here.live("fn3", "fn2")
        await here.work()
        (planned,) = await here.facts(CollectionPlanned)
        await here.work()
        assert await here.told(FunctionRemoved) == []

        await here.ring("production/fn1", planned.fact.due)
        await here.ring("production/fn1", planned.fact.due)

        assert planned.of.id == "production/fn1"
        assert planned.fact.due - planned.time < timedelta(minutes=11)
        (removed,) = await here.facts(FunctionRemoved)
        assert removed.of.id == "production/fn1"
        assert removed.fact.reason == "it is not in stack.yml any more"
        assert removed.actor == "collector"


async def test_failed_or_open_run_removes_nothing(bus: Bus) -> None:
    """While the newest run has not ended well, what older runs made stays."""
    async with yard(bus) as here:
        await here.live("fn1", "fn2")
        run = about("run", await here.queue())
        await here.write(RunResolved(SHA, ("fn2",)), run)
        await here.work()
        await here.write(RunFinished("failed"), run)
        await here.work()
        await sweep(here.collector, datetime.now(UTC) + timedelta(days=1))

        assert await here.told(CollectionPlanned, FunctionRemoved) == []


async def test_newer_run_holds_what_was_announced_and_takes_it_back(bus: Bus) -> None:
    """A push that wants a function again keeps it, though its moment comes while it is built."""
    async with yard(bus, timedelta()) as here:
        await here.live("fn1", "fn2")
        await here.live("fn2")
        run = about("run", await here.queue())
        await here.work()  # the run is queued by then: nothing is announced
        assert await here.told(CollectionPlanned, FunctionRemoved) == []
        await here.write(RunResolved(SHA, ("fn1", "fn2")), run)
        await here.write(RunFinished("live"), run)
        await here.work()
        assert await here.told(CollectionPlanned, FunctionRemoved) == []

    async with yard(bus) as here:
        here.handled, here.generations = await bus.log.head(), {"1296269 production": 3}
        await here.live("fn2")
        await here.work()
        (planned,) = await here.facts(CollectionPlanned)
        run = about("run", await here.queue())
        await here.ring("production/fn1", planned.fact.due)
        assert await here.told(FunctionRemoved) == []
        await here.write(RunResolved(SHA, ("fn1", "fn2")), run)
        await here.write(RunFinished("live"), run)
        await here.work()

        (kept,) = await here.facts(CollectionCancelled)
        assert kept.fact.reason == "it is wanted again"
        await sweep(here.collector, planned.fact.due + timedelta(days=1))
        assert await here.told(FunctionRemoved) == []


async def test_undone_removal_stays_undone_until_there_is_another_reason(bus: Bus) -> None:
    """What somebody kept is not announced again for the same reason, but for a new one."""
    async with yard(bus) as here:
        await here.live("fn1", "fn2")
        await here.live("fn2")
        await here.work()
        (planned,) = await here.facts(CollectionPlanned)
        undone = CollectionCancelled(planned.fact.because, "octocat wants it")
        await here.write(undone, planned.of)
        await here.work()
        await sweep(here.collector, planned.fact.due)
        assert len(await here.told(CollectionPlanned)) == 1

        await here.live("fn2")
        await here.work()

        assert await here.told(CollectionPlanned) == ["production/fn1"] * 2


@pytest.mark.parametrize("gone", ["stack.yml", "branch"])
async def test_deleted_stack_or_branch_takes_all_of_production(bus: Bus, gone: str) -> None:
    """A commit that deletes stack.yml, and the end of the branch, announce every function."""
    async with yard(bus) as here:
        await here.live("fn1", "fn2")
        if gone == "branch":
            await here.write(BranchDeleted("other", SHA), about("branch", "other"))
            await here.write(BranchDeleted("main", SHA), about("branch", "main"))
        else:
            run = about("run", await here.queue())
            problem = Problem("there is no stack.yml")
            await here.write(RunRejected(SHA, (problem,), "stack_missing"), run)
            await here.write(RunFinished("rejected"), run)
        await here.work()

        planned = await here.facts(CollectionPlanned)
        assert sorted(one.of.id for one in planned) == ["production/fn1", "production/fn2"]
        assert all(gone in one.fact.reason for one in planned)


async def test_stack_with_errors_removes_nothing(bus: Bus) -> None:
    """A stack.yml that is there and wrong leaves what runs."""
    async with yard(bus) as here:
        await here.live("fn1")
        run = about("run", await here.queue())
        await here.write(RunRejected(SHA, (Problem("no"),), "stack_invalid"), run)
        await here.write(RunFinished("rejected"), run)
        await here.work()

        assert await here.told(CollectionPlanned) == []


async def test_closed_preview_goes_at_once_and_production_stays(bus: Bus) -> None:
    """The end of a preview removes its functions without a grace time, and no others."""
    async with yard(bus) as here:
        await here.live("fn1")
        await here.live("fn1", "fn2", environment="pr-7")
        await here.write(EnvironmentClosed("pull-closed"), about("environment", "pr-7"))
        await here.work()

        assert sorted(await here.told(FunctionRemoved)) == ["pr-7/fn1", "pr-7/fn2"]
        (project,) = here.folds.projects.rows.values()
        assert set(project.environments) == {"production"}


async def test_rollback_of_one_function_leaves_the_others(bus: Bus) -> None:
    """A run that brings back one older revision does not say what the stack wants."""
    async with yard(bus) as here:
        await here.live("fn1", "fn2")
        run = about("run", await here.queue())
        await here.write(RunResolved(SHA, ("fn1",)), run)
        await here.write(RunBuilt("fn1", DIGEST, DIGEST, revision="abc-1"), run)
        await here.write(RunFinished("live"), run)
        await here.work()

        assert await here.told(CollectionPlanned) == []


async def uninstalled(here: Yard, functions: int = 30) -> None:
    """Have an account with so many functions in two projects, and a secret, shut us out."""
    half = functions // 2
    await here.live(*(f"fn{n}" for n in range(half)))
    await here.live(*(f"fn{n}" for n in range(half, functions)), project="2")
    sealed = SecretSealed("key", "project", "k1", DIGEST)
    await here.write(sealed, about("secret", "key"))
    other = REPOSITORY.__class__("other", "site", "main", "https://github.com/other/site.git")
    await here.write(ProjectInstalled(other.owner, other.name), about("project", project="3"))
    await here.write(TenantUninstalled("1"), tenant("github", "acme"), "Acme")
    await here.work()


@pytest.mark.conformance("garbage-collect")
async def test_uninstalled_account_goes_whole_and_each_item_is_recorded(bus: Bus) -> None:
    """30 functions of two projects go, and the secret with them; each has a fact of its own."""
    async with yard(bus) as here:
        await uninstalled(here)
        planned = await here.facts(CollectionPlanned)
        assert len(planned) == 30

        for one in planned:
            await here.ring(one.of.id, one.fact.due, one.of.project)

        removed = await here.facts(FunctionRemoved)
        assert len({(one.of.project, one.of.id) for one in removed}) == len(removed) == 30
        assert {one.fact.reason for one in removed} == {"the account has shut us out"}
        assert await here.told(SecretRemoved) == ["key"]
        assert here.folds.projects.rows["github 3"].name == "other/site"


@pytest.mark.weakness(8)
async def test_silent_forge_removes_nothing_until_it_speaks(bus: Bus) -> None:
    """An outage of the forge in the middle deletes nothing; its 404 lets what is due go."""
    async with yard(bus) as here:
        await uninstalled(here)
        first, *_ = planned = await here.facts(CollectionPlanned)
        here.witness.says = "unknown"
        with pytest.raises(ForgeSilent):
            await here.ring(first.of.id, first.fact.due, first.of.project)
        assert await sweep(here.collector, first.fact.due + timedelta(hours=1)) == 0
        assert await here.told(FunctionRemoved, SecretRemoved) == []

        here.witness.says = "no"
        later = planned[-1].fact.due + timedelta(hours=2)
        await sweep(here.collector, later)

        assert len(await here.told(FunctionRemoved)) == 30
        assert "github 1296269 Acme/shop" in here.witness.asked


@pytest.mark.weakness(8)
async def test_forge_that_contradicts_keeps_everything(bus: Bus) -> None:
    """A project that the forge still shows loses nothing, whatever a delivery said."""
    async with yard(bus) as here:
        await here.live("fn1")
        await here.write(ProjectRemoved("deleted"), about("project"))
        await here.work()
        (planned,) = await here.facts(CollectionPlanned)
        here.witness.says = "yes"

        await here.ring("production/fn1", planned.fact.due)
        await sweep(here.collector, planned.fact.due + timedelta(days=1))

        assert await here.told(FunctionRemoved) == []
        (kept,) = await here.facts(CollectionCancelled)
        assert "open to us" in kept.fact.reason


async def bound(here: Yard) -> str:
    """Have the project bind a SealedSecret; return what facts of it are about."""
    of = about("secret", "openfaas-fn/acme-api")
    await here.write(SecretBound("acme-api", "openfaas-fn", ("key",), DIGEST, SHA), of)
    return of.id


async def test_a_sealed_secret_goes_with_productions_last_function(bus: Bus) -> None:
    """Branch and stack deleted: a preview that lives on has nothing of it; bound late it goes too.

    A stack that wants no function may declare secrets all the same.
    """
    async with yard(bus, timedelta()) as here:
        await here.live("fn1")
        id = await bound(here)
        await here.live("fn1", environment="pr-1")
        await here.live()
        await here.work()
        assert await here.told(SecretUnwanted) == []

        await here.write(BranchDeleted("main", "0" * 40), about("branch", "main"))
        await here.work()
        await bound(here)
        for _ in range(2):
            await sweep(here.collector, datetime.now(UTC) + timedelta(days=1))

        assert await here.told(FunctionRemoved) == ["production/fn1"]
        assert await here.told(SecretUnwanted) == [id, id]
        assert here.witness.asked == []


async def test_a_project_without_functions_leaves_no_sealed_secret(bus: Bus) -> None:
    """No run of it ever came alive: once the forge confirms, after the grace time, what it had."""
    async with yard(bus) as here:
        await here.queue()
        id = await bound(here)
        await here.write(ProjectRemoved("deleted"), about("project"))
        await here.work()
        early = await here.told(SecretUnwanted)
        here.witness.says = "unknown"
        await sweep(here.collector, datetime.now(UTC) + timedelta(hours=1))
        silent = await here.told(SecretUnwanted)
        here.witness.says = "no"
        await sweep(here.collector, datetime.now(UTC) + timedelta(hours=1))
        await sweep(here.collector, datetime.now(UTC) + timedelta(hours=1))

        assert (early, silent) == ([], [])
        (gone,) = await here.facts(SecretUnwanted)
        assert (gone.of.id, gone.fact.reason) == (id, "the repository is closed to us")


async def test_account_that_comes_back_keeps_what_it_had(bus: Bus) -> None:
    """Installed again within the grace time, nothing goes."""
    async with yard(bus) as here:
        await uninstalled(here, 4)
        await here.write(TenantInstalled("2"), tenant("github", "acme"), "Acme")
        await here.work()
        await sweep(here.collector, datetime.now(UTC) + timedelta(days=1))

        assert len(await here.told(CollectionCancelled)) == 4
        assert await here.told(FunctionRemoved, SecretRemoved) == []


async def test_two_collectors_at_once_record_each_removal_once(bus: Bus) -> None:
    """Two workers that sweep at the same time, and one again, write one fact an item."""
    async with yard(bus) as one, yard(bus) as two:
        await one.live(*(f"fn{n}" for n in range(20)))
        await one.live()
        later = datetime.now(UTC) + timedelta(days=1)
        for now in (datetime.now(UTC), later, later):
            await asyncio.gather(sweep(one.collector, now), sweep(two.collector, now))

        assert len(await one.told(CollectionPlanned)) == 20
        assert len(await one.told(FunctionRemoved)) == 20


async def test_each_forge_is_asked_by_its_own_evidence() -> None:
    """A forge that can be asked is; of another the log alone tells."""
    gitlab = Witness("unknown")
    asked = ForgesAsked({"gitlab": gitlab})

    assert await asked.stands("gitlab", "7", "acme/shop") == "unknown"
    assert await asked.stands("github", "7", "acme/shop") == "no"
    assert gitlab.asked == ["gitlab 7 acme/shop"]
