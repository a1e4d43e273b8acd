"""Quotas by HTTP, as operators and owners see them, and by the command."""

from collections.abc import AsyncIterator

import pytest

from bus.connection import Bus
from edge.auth.people import PLATFORM
from schemas.envelope import Aggregate
from schemas.events.run import RunArchived, RunQueued
from schemas.ids import digest_of
from schemas.repository import Repository
from tests.edge.api.serving import Serving, serving
from tests.edge.auth.entering import person

DIGEST = digest_of(b"")
ALICE = person("alice", "owner")
BOB = person("bob", "owner", "bob")


@pytest.fixture
async def served(bus: Bus) -> AsyncIterator[Serving]:
    """Yield the API; alice has begun a run of a function with three replicas."""
    async with serving(bus) as served:
        of = Aggregate("local", "alice/hello", "run", "1")
        repository = Repository("alice", "hello", "main")
        queued = RunQueued("production", 1, "main", "a" * 40, repository, "alice")
        await served.append(queued, of, name="alice/hello")
        fact = RunArchived("hello", DIGEST, DIGEST, "exec", replicas=3, memory=384)
        await served.append(fact, of, name="alice/hello")
        yield served


async def test_an_owner_sees_what_is_used_of_what_there_may_be(served: Serving) -> None:
    """An operator says how much; it is there at once, and another tenant sees nothing of it."""
    path = "/api/tenants/local/alice/quota"
    done = await served.ask(PLATFORM, "PUT", path, {"functions": 4, "builds": 1})

    seen = await served.ask(ALICE, "GET", f"{path}?after={done.json['seq']}")
    assert seen.json == {
        "tenant": "local/alice",
        "functions": {"used": 1, "most": 4, "own": True},
        "replicas": {"used": 3, "most": 0, "own": False},
        "memory": {"used": 384, "most": 0, "own": False},
        "builds": {"most": 1, "own": True},
    }
    listed = (await served.ask(ALICE, "GET", "/api/quotas")).json
    assert listed["items"] == [seen.json]
    assert (await served.ask(BOB, "GET", "/api/quotas")).json["items"] == []
    assert (await served.ask(BOB, "GET", path)).status == 404


async def test_what_was_said_can_be_taken_back_and_read_as_it_was(served: Serving) -> None:
    """What is left out is as for all again; the past keeps what held then."""
    path = "/api/tenants/local/alice/quota"
    first = (await served.ask(PLATFORM, "PUT", path, {"memory": 100})).json["seq"]
    last = (await served.ask(PLATFORM, "PUT", path, {})).json["seq"]

    now = await served.ask(ALICE, "GET", f"{path}?after={last}")
    then = await served.ask(ALICE, "GET", f"{path}?at={first}")
    assert now.json["memory"] == {"used": 384, "most": 0, "own": False}
    assert then.json["memory"] == {"used": 384, "most": 100, "own": True}


async def test_a_group_within_a_group_has_no_quota_of_its_own(served: Serving) -> None:
    """The answer names whose quota it is; so do numbers that are none and unknown words."""
    answer = await served.ask(PLATFORM, "PUT", "/api/tenants/gitlab/group:sub/quota", {})
    assert answer.status == 404
    assert "gitlab/group" in answer.json["hint"]

    for body in ({"functions": -1}, {"functions": "many"}, {"function": 1}):
        path = "/api/tenants/local/alice/quota"
        assert (await served.ask(PLATFORM, "PUT", path, body)).status == 400
