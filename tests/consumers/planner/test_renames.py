"""An account that gets another name keeps its label and its projects; the old name is anybody's."""

from datetime import UTC, datetime
from functools import reduce

import pytest

from consumers.planner import labels
from consumers.planner.labels import Labelled, current, inherited, key_of, taken
from edge.auth import labels as hosts
from edge.auth.labels import Tenant
from schemas.envelope import Aggregate, Recorded, tenant
from schemas.events import Event
from schemas.events.project import ProjectRenamed
from schemas.events.run import RunQueued
from schemas.events.tenant import TenantLabelled, TenantMemberSet, TenantRenamed
from tests.consumers.planner.office import Office

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def rows(*facts: tuple[str, Event]) -> dict[str, Labelled]:
    """Return the rows after these facts about tenants of GitLab."""
    found: dict[str, Labelled] = {}
    for seq, (owner, fact) in enumerate(facts, 1):
        event = Recorded(fact, tenant("gitlab", owner), f"e-{seq}", seq, NOW)
        if (key := labels.key(event)) and (row := labels.reduce(found.get(key), event)):
            found[key] = row
    return found


def key(owner: str) -> str:
    """Return a tenant's key."""
    return key_of(tenant("gitlab", owner))


async def test_label_and_projects_go_along(desk: Office) -> None:
    """What runs stays where it is; who takes the old name gets a host of his own."""
    await desk.push("d-1", 0, 1)
    renamed = await desk.write(TenantRenamed("Bob"), tenant("local", "alice"))
    await desk.plan()
    await desk.planner.handle(renamed)  # delivered twice
    await desk.push("d-2", 0, 2, project="bob/other")
    await desk.push("d-3", 0, 3, project="alice/new")

    told = [(event.of.id, event.fact) for event in await desk.facts(TenantLabelled)]
    assert told == [
        ("alice", TenantLabelled("alice")),
        ("bob", TenantLabelled("alice", was="alice")),
        ("alice", TenantLabelled("alice-2")),
    ]
    (project,) = await desk.facts(ProjectRenamed)
    assert project.fact == ProjectRenamed("Bob", "hello")
    assert project.of == Aggregate("local", "alice/hello", "project", "")
    assert project.name == "Bob/hello"
    runs = [event.fact.label for event in await desk.facts(RunQueued)]
    assert runs == ["alice", "alice", "alice-2"]


async def test_members_by_hand_go_along(desk: Office) -> None:
    """Those of the account, and nobody has a role in whatever gets the old name."""
    alice, bob, carol = (tenant("local", name) for name in ("alice", "bob", "carol"))
    await desk.write(TenantMemberSet("github:eve", "owner", "github:eve"), alice)
    await desk.write(TenantMemberSet("github:old", "viewer"), alice)
    await desk.write(TenantMemberSet("github:old", ""), alice)
    await desk.write(TenantMemberSet("github:eve", "viewer"), carol)
    renamed = await desk.write(TenantRenamed("bob"), alice)
    await desk.plan()
    await desk.planner.handle(renamed)

    told = [(event.of, event.fact) for event in (await desk.facts(TenantMemberSet))[4:]]
    assert told == [
        (bob, TenantMemberSet("github:eve", "owner", "github:eve")),
        (alice, TenantMemberSet("github:eve", "", "github:eve")),
    ]


async def test_a_push_before_the_planner_has_heard_of_it(desk: Office) -> None:
    """The label goes along all the same, once."""
    await desk.push("d-1", 0, 1)
    await desk.deliver("d-2", 0, 2, project="bob/other")
    await desk.write(TenantRenamed("bob"), tenant("local", "alice"))
    await desk.plan()

    assert [event.fact.label for event in await desk.facts(TenantLabelled)] == ["alice", "alice"]
    assert [event.fact.label for event in await desk.facts(RunQueued)] == ["alice", "alice"]


def test_a_group_takes_along_what_lies_in_it() -> None:
    """GitLab tells of the outer group alone."""
    found = rows(("a/b", TenantLabelled("a-b")), ("a", TenantRenamed("z")))

    assert current(found, key("a/b")) == ""
    assert inherited(found, key("z/b")) == ("a-b", "a/b")
    assert inherited(found, key("z")) == inherited(found, key("zz/b")) == ("", "")
    assert taken(found) == {"a-b"}


@pytest.mark.parametrize(
    ("more", "owner"),
    [
        ((), "b"),
        ((("b", TenantRenamed("c")), ("c", TenantLabelled("a", was="b"))), "c"),
        ((("b", TenantRenamed("a")), ("a", TenantLabelled("a", was="b"))), "a"),
    ],
)
def test_a_label_has_one_tenant(more: tuple[tuple[str, Event], ...], owner: str) -> None:
    """However often it moves on, also back: none of the names before gets it again."""
    found = rows(
        ("a", TenantLabelled("a")),
        ("a", TenantRenamed("b")),
        ("b", TenantLabelled("a", was="a")),
        *more,
    )

    held = {name: current(found, key(name)) or inherited(found, key(name))[0] for name in "abc"}
    assert held == {name: "a" if name == owner else "" for name in "abc"}


def test_a_host_follows_its_account() -> None:
    """Policy asks the tenant of a host: the account by its new name; no other fact moves it."""
    facts = (
        ("alice", TenantLabelled("alice")),
        ("eve", TenantLabelled("alice")),
        ("eve", TenantLabelled("alice", was="mallory")),
        ("bob", TenantLabelled("alice", was="alice")),
    )
    events = [
        Recorded[Event](fact, tenant("github", owner), f"e-{seq}", seq, NOW)
        for seq, (owner, fact) in enumerate(facts, 1)
    ]

    def step(row: Tenant | None, event: Recorded[Event]) -> Tenant | None:
        return hosts.reduce(row, event)

    assert reduce(step, events[:3], None) == Tenant("github", "alice")
    assert reduce(step, events, None) == Tenant("github", "bob")
