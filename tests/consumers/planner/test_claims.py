"""Whose a function's name is."""

import pytest

from schemas.envelope import Aggregate
from schemas.events.function import FunctionClaimed, FunctionRemoved
from schemas.events.run import RunFinished, RunQueued
from tests.consumers.planner.deployer import place
from tests.consumers.planner.office import PROJECT, Office


async def run_of(desk: Office, project: str, *functions: str) -> Aggregate:
    """Push a project for the first time, with these functions; return its run."""
    await desk.push(project, 0, 1, project=project)
    run = (await desk.facts(RunQueued))[-1]
    await desk.resolve(run, *functions)
    return run.of


async def test_names_are_claimed_once(desk: Office) -> None:
    """A project claims its functions with the first run; the second has nothing to claim."""
    await run_of(desk, PROJECT, "a", "b")
    await desk.push("2", 1, 2)
    await desk.resolve((await desk.facts(RunQueued))[-1], "b", "c")

    claims = await desk.facts(FunctionClaimed)
    assert [(claim.of.id, claim.fact.label) for claim in claims] == [
        ("production/a", "alice"),
        ("production/b", "alice"),
        ("production/c", "alice"),
    ]
    assert all(claim.run and claim.name == PROJECT for claim in claims)


async def test_another_project_s_name_is_refused(desk: Office) -> None:
    """A second project of the tenant may not take a name; its run says whose it is, and the cure.

    It claims none of its other names either.
    """
    await run_of(desk, PROJECT, "a")
    run = await run_of(desk, "alice/other", "a", "z")

    (end,) = await desk.facts(RunFinished)
    assert end.of == run
    assert end.fact.outcome == "rejected"
    assert end.fact.message == (
        "a belongs to alice/hello already (give it another name in stack.yml, or remove it there)"
    )
    assert len(await desk.facts(FunctionClaimed)) == 1


async def test_a_name_that_was_given_up_is_free(desk: Office) -> None:
    """After the function was removed, another project may claim its name."""
    await run_of(desk, PROJECT, "a")
    await desk.write(FunctionRemoved("alice", "production", "a"), place("a"))
    run = await run_of(desk, "alice/other", "a")

    first, second = await desk.facts(FunctionClaimed)
    assert (first.of.project, second.of.project) == (PROJECT, run.project)
    assert await desk.facts(RunFinished) == []


async def test_tenants_may_use_the_same_name(desk: Office) -> None:
    """Names belong to a tenant: two tenants both have a function a."""
    await run_of(desk, PROJECT, "a")
    await run_of(desk, "bob/hello", "a")

    assert [claim.fact.label for claim in await desk.facts(FunctionClaimed)] == ["alice", "bob"]


@pytest.mark.weakness(7)
async def test_joined_names_are_unique(desk: Office) -> None:
    """``a-b`` + ``c`` and ``a`` + ``b-c`` would answer at one path: the later is refused."""
    await run_of(desk, "a-b/one", "c")
    await run_of(desk, "a/two", "b-c")

    (end,) = await desk.facts(RunFinished)
    assert end.of.project == "a/two"
    assert end.fact.message == (
        "b-c would answer at /function/a-b-c, which is taken (give it another name in stack.yml)"
    )
