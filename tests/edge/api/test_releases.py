"""Promotion, rollback, approval and previews by HTTP: what is asked, and what is refused."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from bus.connection import Bus
from schemas.envelope import Aggregate, tenant
from schemas.environments import Previews
from schemas.events.branch import BranchPushed
from schemas.events.environment import (
    EnvironmentClosed,
    EnvironmentCloseRequested,
    EnvironmentOpened,
    EnvironmentPromoteRequested,
)
from schemas.events.function import (
    FunctionDeployed,
    FunctionDeployStarted,
    FunctionRollbackRequested,
)
from schemas.events.image import ImageCollected
from schemas.events.project import ProjectConfigured
from schemas.events.pull import PullApproved, PullHeld
from schemas.events.run import RunFinished, RunQueued, RunResolved
from schemas.events.tenant import TenantQuotaSet
from schemas.ids import run_id
from schemas.repository import Repository
from tests.edge.api.serving import Serving, serving
from tests.edge.auth.entering import person

NAME, SHA, DIGEST = "alice/hello", "a" * 40, "sha256:" + "1" * 64
HELLO = Repository("alice", "hello", "main")
MIA, ALICE = person("mia", "member"), person("alice", "owner")
DEV = "branch-dev"
UNTIL = datetime(2099, 1, 1, tzinfo=UTC)


def of(kind: str, id: str) -> Aggregate:
    """Return something of the project."""
    return Aggregate("local", NAME, kind, id)


async def live(served: Serving, number: int, environment: str) -> int:
    """Let a run make the function live; return the sequence of the fact that says so."""
    run = f"01JD8Z6Q5V000000000000000{number}"
    queued = RunQueued(environment, number, "dev", SHA, HELLO, "alice", pusher="bob")
    await served.append(queued, of("run", run), name=NAME)
    await served.append(RunResolved(SHA, ("hello",)), of("run", run), name=NAME)
    place = of("function", f"{environment}/hello")
    begun = FunctionDeployStarted(run, number, f"r{number}", DIGEST)
    await served.append(begun, place, name=NAME)
    ready = FunctionDeployed(
        run=run,
        generation=number,
        revision=f"r{number}",
        image=DIGEST,
        spec=DIGEST,
        sha=SHA,
        label="alice",
        environment=environment,
        function="hello",
        upstream="unix:fn-0.sock",
    )
    seq = await served.append(ready, place, name=NAME)
    await served.write(RunFinished("live"), of("run", run), name=NAME)
    return seq


@pytest.fixture
async def served(bus: Bus) -> AsyncIterator[Serving]:
    """Yield the API with a project that has a preview."""
    async with serving(bus) as served:
        pushed = BranchPushed("main", "0" * 40, SHA, HELLO)
        await served.append(pushed, of("branch", "main"), name=NAME)
        opened = EnvironmentOpened("dev", UNTIL, push=1)
        await served.write(opened, of("environment", DEV), name=NAME)
        yield served


async def test_a_promotion_names_the_very_artefacts(served: Serving) -> None:
    """The facts that tell of them, who asked and why; and the run that there will be."""
    seq = await live(served, 1, DEV)
    body = {"project": NAME, "environment": DEV, "reason": "good"}
    asked = (await served.ask(MIA, "POST", "/api/promotions", body)).json

    event = await served.bus.log.get(asked["seq"])
    run = "01JD8Z6Q5V0000000000000001"
    assert event.fact == EnvironmentPromoteRequested(run, (seq,), "good")
    assert (event.of, event.actor) == (of("environment", DEV), "github:mia")
    assert asked["run"] == run_id(event.id, event.time)


async def test_what_is_not_live_is_not_promoted(served: Serving) -> None:
    """No run yet, one under way, and no preview at all: each says so, nothing is written."""
    head = await served.bus.log.head()
    body = {"project": NAME, "environment": DEV}
    answer = await served.ask(MIA, "POST", "/api/promotions", body)
    assert (answer.status, answer.json["code"]) == (409, "not_releasable")

    body["environment"] = "pr-9"
    answer = await served.ask(MIA, "POST", "/api/promotions", body)
    assert (answer.status, answer.json["code"]) == (404, "not_found")
    assert await served.bus.log.head() == head


async def test_a_promotion_stays_within_the_quota(served: Serving) -> None:
    """What production would have beside the preview is counted; where it is there, it passes."""
    await live(served, 1, DEV)
    said = TenantQuotaSet(functions=1)
    await served.write(said, tenant("local", "alice"))
    body = {"project": NAME, "environment": DEV}

    answer = await served.ask(MIA, "POST", "/api/promotions", body)
    assert (answer.status, answer.json["code"]) == (409, "quota_exceeded")
    assert "over by 1" in answer.json["detail"]

    await live(served, 2, "production")
    assert (await served.ask(MIA, "POST", "/api/promotions", body)).status == 200


async def test_a_rollback_goes_to_the_revision_before_or_to_any(served: Serving) -> None:
    """The newest that is not live, or the one that is named."""
    first, second = await live(served, 1, "production"), await live(served, 2, "production")
    await live(served, 3, "production")
    path = "/api/functions/alice/hello/rollback"

    for body, seq, revision in (({}, second, "r2"), ({"to": "r1"}, first, "r1")):
        asked = (await served.ask(MIA, "POST", path, body)).json
        event = await served.bus.log.get(asked["seq"])
        assert event.fact == FunctionRollbackRequested(revision, seq)

    for body, status, says in (
        ({"to": "r3"}, 409, "r3 is live already"),
        ({"to": "r9"}, 404, "no revision r9"),
    ):
        answer = await served.ask(MIA, "POST", path, body)
        assert (answer.status, answer.json["detail"]) == (status, says)


async def test_no_rollback_to_an_image_that_was_collected(served: Serving) -> None:
    """Whoever asks learns when it went; once it was made anew it is there again."""
    await live(served, 1, "production")
    named = await live(served, 2, "production")
    path, wanted = "/api/functions/alice/hello/rollback", {"to": "r1"}
    await served.write(ImageCollected(named), of("image", DIGEST), name=NAME)

    refused = await served.ask(MIA, "POST", path, wanted)
    await live(served, 3, "production")
    asked = await served.ask(MIA, "POST", path, wanted)

    assert (refused.status, asked.status) == (409, 200)
    assert "image of that revision was collected" in refused.json["detail"]


async def test_deploys_tell_what_is_live_and_what_was(served: Serving) -> None:
    """Newest first, with commit, author, digest, and how long it took; in pages."""
    await live(served, 1, "production")
    await live(served, 2, "production")
    page = (await served.ask(MIA, "GET", f"/api/deploys?project={NAME}&limit=1")).json
    (newest,) = page["items"]
    assert (newest["status"], newest["revision"], newest["sha"]) == ("live", "r2", SHA)
    assert (newest["image"], newest["pusher"]) == (DIGEST, "bob")

    rest = (await served.ask(MIA, "GET", f"/api/deploys?cursor={page['cursor']}")).json
    assert [row["status"] for row in rest["items"]] == ["replaced"]
    assert (await served.ask(person("eve", None), "GET", "/api/deploys")).json["items"] == []


async def test_previews_are_listed_until_they_are_closed(served: Serving) -> None:
    """With what they show; somebody may ask for their end."""
    await live(served, 1, DEV)
    (row,) = (await served.ask(MIA, "GET", "/api/previews")).json["items"]
    assert (row["environment"], row["outcome"], list(row["urls"])) == (DEV, "live", ["hello"])

    path = f"/api/previews/{DEV}?project={NAME}&reason=done"
    asked = (await served.ask(MIA, "DELETE", path)).json
    event = await served.bus.log.get(asked["seq"])
    assert event.fact == EnvironmentCloseRequested("done")
    closed = EnvironmentClosed("asked", "github:mia")
    await served.write(closed, of("environment", DEV), name=NAME)
    assert (await served.ask(MIA, "GET", "/api/previews")).json["items"] == []
    rerun = await served.ask(MIA, "POST", "/api/runs/01JD8Z6Q5V0000000000000001/rerun")
    assert (rerun.status, rerun.json["detail"]) == (409, f"the preview {DEV} was closed")


async def test_only_the_commit_that_waits_is_approved(served: Serving) -> None:
    """By its sha, or the start of it; another commit is refused, and one that waits no more."""
    held = PullHeld(7, SHA, HELLO, "eve", "pr-7")
    await served.write(held, of("pull", "7"), name=NAME)
    path = "/api/pulls/7/approve"
    answer = await served.ask(MIA, "POST", path, {"project": NAME, "sha": "b" * 40})
    assert (answer.status, answer.json["code"]) == (409, "not_held")
    short = await served.ask(MIA, "POST", path, {"project": NAME, "sha": "a" * 3})
    assert short.status == 400

    asked = (await served.ask(MIA, "POST", path, {"project": NAME, "sha": SHA[:7]})).json
    event = await served.bus.log.get(asked["seq"])
    assert (event.fact, event.actor) == (PullApproved(7, SHA), "github:mia")
    await served.known(asked["seq"])
    again = await served.ask(MIA, "POST", path, {"project": NAME, "sha": SHA})
    assert (again.status, await served.bus.log.head()) == (409, asked["seq"])


async def test_owners_configure_a_project(served: Serving) -> None:
    """What holds stands in the list of projects."""
    wanted = {"branches": ["feature/*"], "pull_requests": True, "expire": 3600}
    body = {"project": NAME, "branch": "release", "previews": wanted}
    done = (await served.ask(ALICE, "PUT", "/api/project-settings", body)).json
    event = await served.bus.log.get(done["seq"])
    previews = Previews(("feature/*",), pull_requests=True, expire=3600)
    assert event.fact == ProjectConfigured("release", previews)
    path = f"/api/projects?after={done['seq']}"
    (row,) = (await served.ask(ALICE, "GET", path)).json["items"]
    assert (row["production_branch"], row["previews"]) == ("release", wanted)
