"""Removals by HTTP, on a real log: what is announced, and what somebody keeps."""

from datetime import UTC, datetime

from bus.connection import Bus
from schemas.envelope import Aggregate
from schemas.events.collection import CollectionCancelled, CollectionPlanned
from schemas.events.function import FunctionRemoved
from tests.edge.api.serving import serving
from tests.edge.auth.entering import person

DUE = datetime(2099, 1, 1, tzinfo=UTC)
OWNER, VIEWER, OTHER = (
    person("alice", "owner"),
    person("vera", "viewer"),
    person("bob", "owner", "bob"),
)


def about(kind: str, function: str) -> Aggregate:
    """Return what a fact of a function is about."""
    return Aggregate("local", "alice/hello", kind, f"production/{function}")


async def test_a_removal_is_listed_and_kept_once(bus: Bus) -> None:
    """Its owner keeps it, by name in the log; asked twice, one fact is written."""
    async with serving(bus) as served:
        fact = CollectionPlanned("alice", "production", "old", "it left stack.yml", 3, DUE)
        seq = await served.append(fact, about("collection", "old"), name="alice/hello")
        await served.known(seq)
        page = (await served.ask(VIEWER, "GET", f"/api/collections?after={seq}")).json
        hidden = (await served.ask(OTHER, "GET", "/api/collections")).json
        refused = await served.ask(VIEWER, "POST", f"/api/collections/{seq}/undo", {})
        first = await served.ask(OWNER, "POST", f"/api/collections/{seq}/undo", {"reason": "mine"})
        again = await served.ask(OWNER, "POST", f"/api/collections/{seq}/undo", {})
        left = (await served.ask(OWNER, "GET", f"/api/collections?after={first.json['seq']}")).json

        assert [(row["id"], row["function"], row["because"]) for row in page["items"]] == [
            (seq, "old", 3)
        ]
        assert hidden["items"] == left["items"] == []
        assert refused.status == 403
        assert first.json == again.json
        kept = await bus.log.last(about("collection", "old"), CollectionCancelled)
        assert kept
        assert (kept.fact.because, kept.fact.reason) == (3, "mine")
        assert await bus.log.head() == kept.seq
        assert kept.actor == "github:alice"


async def test_what_is_gone_cannot_be_kept(bus: Bus) -> None:
    """After the removal there is nothing to take back: 404 says what to do."""
    async with serving(bus) as served:
        fact = CollectionPlanned("alice", "production", "old", "it left stack.yml", 3, DUE)
        seq = await served.append(fact, about("collection", "old"), name="alice/hello")
        removed = FunctionRemoved("alice", "production", "old", "it left stack.yml")
        await served.append(removed, about("function", "old"), name="alice/hello")
        late = await served.ask(OWNER, "POST", f"/api/collections/{seq}/undo", {})

        assert late.status == 404
        assert "push" in late.json["hint"]
