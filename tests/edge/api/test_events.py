"""The log under /api, page by page: filters, cursors, and nobody sees what is not his."""

from collections.abc import AsyncIterator

import pytest

from bus.connection import Bus
from edge.api import tailing
from schemas.envelope import Aggregate, tenant
from schemas.events.run import RunBuildStarted, RunFinished
from schemas.events.secret import SecretSealed
from schemas.events.tenant import TenantLabelled
from schemas.people import Role, Scope
from tests.edge.api.listening import Listening, answering
from tests.edge.auth.entering import person

DIGEST = "sha256:" + "1" * 64


@pytest.fixture
async def api(bus: Bus) -> AsyncIterator[Listening]:
    """Yield an API."""
    async with answering(bus) as served:
        yield served


async def filled(api: Listening) -> None:
    """Append pushes of two tenants, a label and a secret."""
    for number in range(5):
        await api.push(number, "alice")
        await api.push(number, "bob")
    await api.bus.log.append(
        TenantLabelled(label="alice"), of=tenant("local", "Alice"), id="t:1", actor="planner"
    )
    sealed = SecretSealed(name="npm", scope="project", key_id="k", sealed=DIGEST)
    of = Aggregate("local", "alice/shop", "secret", "npm")
    await api.bus.log.append(sealed, of=of, id="t:2", actor="alice", name="alice/shop")


async def seqs(api: Listening, query: str = "", path: str = "/api/events") -> list[int]:
    """Return the sequences on a page."""
    status, page = await api.get(f"{path}?{query}")
    assert status == 200, page
    return [item["seq"] for item in page["items"]]


async def test_pages_lead_from_the_newest_to_the_first(api: Listening) -> None:
    """Each event once, newest first, while more are written."""
    await filled(api)
    seen: list[int] = []
    cursor = ""
    while True:
        _, page = await api.get(f"/api/events?limit=5&cursor={cursor or 0}")
        seen += [item["seq"] for item in page["items"]]
        await api.push(100 + len(seen))
        cursor = page["cursor"]
        if not cursor:
            break

    assert seen == list(range(12, 0, -1))


async def test_filters(api: Listening) -> None:
    """Project, actor, kind, time and sequence, each and together."""
    await filled(api)

    for query, found in {
        "project=bob/shop": [10, 8, 6, 4, 2],
        "project=bob/shop,none/such": [10, 8, 6, 4, 2],
        "actor=planner": [11],
        "kind=tenant.*,secret.sealed": [12, 11],
        "kind=branch.pushed&actor=alice&limit=2": [9, 7],
        "after=9": [12, 11, 10],
        "since=1h&after=10": [12, 11],
        "until=1h": [],
        "since=2999-01-01T00:00:00Z": [],
    }.items():
        assert await seqs(api, query) == found, query


async def test_a_filter_that_means_nothing_is_told(api: Listening) -> None:
    """The parameter and the cure."""
    for query, says in {
        "since=yesterday": "since: 'yesterday' is no time",
        "until=2026-03-01T12:00:00": "until: ",
        "since=1h&until=2h": "since is later than until",
        "actor=" + ",".join("abcdefghijklmnopqrstuvwxyz"): "actor: at most 20",
    }.items():
        status, problem = await api.get(f"/api/events?{query}")
        assert (status, problem["code"]) == (400, "filter_invalid")
        assert says in problem["detail"]


async def test_a_search_for_little_among_much_goes_on_by_its_cursor(
    api: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page looks through so many events only; its cursor leads to the rest."""
    monkeypatch.setattr(tailing, "SCAN", 4)
    monkeypatch.setattr(tailing, "BLOCK", 3)
    await filled(api)

    _, first = await api.get("/api/events?kind=tenant.labelled")
    _, second = await api.get(f"/api/events?kind=branch.*&actor=none&cursor={first['cursor']}")

    assert [item["seq"] for item in first["items"]] == [11]
    assert first["cursor"] == "9"
    assert (second["items"], second["cursor"]) == ([], "5")


ROLES: tuple[tuple[Role | None, tuple[Scope, ...], list[int], list[int]], ...] = (
    (None, (), [], []),
    ("viewer", (), [11, 9, 7, 5, 3, 1], []),
    ("member", (), [12, 11, 9, 7, 5, 3, 1], []),
    ("owner", (), [12, 11, 9, 7, 5, 3, 1], [12, 11, 9, 7, 5, 3, 1]),
    ("owner", ("push",), [], []),
    ("owner", ("read",), [11, 9, 7, 5, 3, 1], [12, 11, 9, 7, 5, 3, 1]),
)


@pytest.mark.weakness(3)
async def test_a_tenant_sees_only_what_is_theirs(api: Listening) -> None:
    """By role and scope; names of secrets are for those who may set them."""
    await filled(api)
    for role, scopes, events, audit in ROLES:
        api.caller = person("alice", role, "alice", *scopes)

        assert await seqs(api) == events
        assert await seqs(api, path="/api/audit") == audit
        seen = [seq for seq in range(1, 13) if (await api.get(f"/api/events/{seq}"))[0] == 200]
        assert seen == [*reversed(events)]


async def test_one_event_is_there_whole_or_not_at_all(api: Listening) -> None:
    """What does not exist and what is another's are told apart by nobody."""
    await filled(api)
    _, found = await api.get("/api/events/1")
    api.caller = person("alice", "owner")
    other = (await api.get("/api/events/2"))[1] | {"instance": "", "detail": ""}
    none = (await api.get("/api/events/99"))[1] | {"instance": "", "detail": ""}

    assert (found["type"], found["name"], found["actor"]) == (
        "branch.pushed/1", "alice/shop", "alice",
    )  # fmt: skip
    assert other == none
    assert other["status"] == 404


async def test_the_audit_says_who_did_what(api: Listening) -> None:
    """In the words of the record."""
    await filled(api)

    _, page = await api.get("/api/audit?kind=secret.*")

    (line,) = page["items"]
    assert (line["who"], line["what"]) == ("alice", "secret.sealed/1")
    assert line["on"] == "local:alice/shop:secret:npm"
    assert line["detail"]["name"] == "npm"


async def test_why_tells_causes_and_effects(api: Listening) -> None:
    """Up to the delivery, down to all that came of it; siblings are nobody's effect."""
    of = Aggregate("local", "alice/shop", "run", "r")
    first = await api.push(1)
    pushed = await api.bus.log.get(first)
    started = RunBuildStarted(function="a")
    id = "builder:test:alice:1:branch.pushed:run.build-started"
    await api.bus.log.append(started, of=of, id=id, cause=pushed)
    await api.push(2)
    cause = await api.bus.log.get(2)
    for number in range(2):
        fact = RunFinished(outcome="live", message=str(number))
        await api.bus.log.append(fact, of=of, id=f"planner:{number}:run.finished", cause=cause)

    _, told = await api.get("/api/events/2/why")
    _, top = await api.get(f"/api/events/{first}/why")

    assert told["event"]["seq"] == 2
    assert [effect["event"]["seq"] for effect in told["below"]] == [4, 5]
    assert [effect["event"]["seq"] for effect in top["below"]] == [2]
    assert [effect["event"]["seq"] for effect in top["below"][0]["below"]] == [4, 5]
    api.caller = person("bob", "owner", "bob")
    assert (await api.get("/api/events/2/why"))[0] == 404


async def test_why_leads_back_over_what_is_between(
    api: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Causes are found however far back they stand, the first one first."""
    monkeypatch.setattr("edge.api.why.BLOCK", 3)
    of = Aggregate("local", "alice/shop", "run", "r")
    id = "intake:local:1:branch.pushed"
    for number in range(3):
        begun = await api.push(100 + number)
        last = await api.bus.log.last(of, RunBuildStarted) if number else None
        fact = RunBuildStarted(function=str(number))
        await api.bus.log.append(fact, of=of, id=f"{id}:{number}:run.build-started", cause=last)
        for other in range(5):
            await api.push(10 * begun + other)
    newest = await api.bus.log.last(of, RunBuildStarted)
    assert newest

    _, told = await api.get(f"/api/events/{newest.seq}/why")

    assert [line["fact"]["function"] for line in told["above"]] == ["0", "1"]
    assert told["origin"] == ""
