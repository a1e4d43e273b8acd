"""Who may do what by HTTP: every path of the API, asked by everybody there can be."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import pytest

from bus.connection import Bus
from edge.auth.people import PLATFORM, Caller
from edge.auth.signing import new_key
from schemas.envelope import Aggregate
from schemas.events.collection import CollectionPlanned
from schemas.events.domain import DomainMapped
from schemas.events.environment import EnvironmentOpened
from schemas.events.function import FunctionClaimed, FunctionDeployed
from schemas.events.pull import PullHeld
from schemas.events.run import RunFinished, RunQueued
from schemas.events.token import TokenIssued
from schemas.ids import digest_of
from schemas.people import SCOPES
from schemas.repository import Repository
from tests.edge.api.serving import Answer, Serving, serving
from tests.edge.auth.entering import person

SHA, DIGEST = "a" * 40, "sha256:" + "1" * 64
OPEN, ENDED = "01JD8Z6Q5V0000000000000001", "01JD8Z6Q5V0000000000000002"

CALLERS: Final[dict[str, Caller]] = {
    "stranger": person("stan", None),
    "viewer": person("vera", "viewer"),
    "member": person("mia", "member"),
    "owner": person("alice", "owner"),
    "other": person("bob", "owner", "bob"),
    "operator": PLATFORM,
} | {f"token {scope}": person("alice", "owner", "alice", scope) for scope in SCOPES}

SEE: Final = {"viewer", "member", "owner", "operator", "token read"}
RUN: Final = {"member", "owner", "operator", "token run"}
SECRETS: Final = {"member", "owner", "operator", "token secrets"}
TENANT: Final = {"owner", "operator", "token secrets"}
OWN: Final = {"owner", "operator", "token operate"}
AUDIT: Final = {"owner", "operator", "token read", "token operate"}
PEOPLE: Final = {name for name in CALLERS if not name.startswith("token")}
OPERATE: Final = {"operator"}
EVERYBODY: Final = set(CALLERS)


class Row(NamedTuple):
    """One way to ask, who may, and what it is to the others."""

    method: str
    template: str  # as OpenAPI has it, which says nothing of itself
    path: str  # WHO: the name of who asks, for what can be had once
    may: set[str]
    see: set[str] = EVERYBODY  # others that learn that it is there: 403; the rest: 404
    body: Any = None


ROWS: Final = (
    # lists: everybody gets those of his own, see below
    Row("GET", "/api/projects", "/api/projects", EVERYBODY),
    Row("GET", "/api/runs", "/api/runs", EVERYBODY),
    Row("GET", "/api/functions", "/api/functions", EVERYBODY),
    Row("GET", "/api/deploys", "/api/deploys", EVERYBODY),
    Row("GET", "/api/previews", "/api/previews", EVERYBODY),
    Row("GET", "/api/collections", "/api/collections", EVERYBODY),
    Row("GET", "/api/secrets", "/api/secrets", EVERYBODY),
    Row("GET", "/api/domains", "/api/domains", EVERYBODY),
    Row("GET", "/api/quotas", "/api/quotas", EVERYBODY),
    Row("GET", "/api/events", "/api/events", EVERYBODY),
    Row("GET", "/api/events/tail", "/api/events/tail", EVERYBODY),
    Row("GET", "/api/stats", "/api/stats", EVERYBODY),
    Row("GET", "/api/audit", "/api/audit", EVERYBODY),
    Row("GET", "/api/audit/tail", "/api/audit/tail", EVERYBODY),
    # things
    Row("GET", "/api/runs/{run}", f"/api/runs/{OPEN}", SEE, SEE),
    Row("GET", "/api/runs/{run}", f"/api/runs/{SHA[:8]}", SEE, SEE),
    Row("GET", "/api/runs/{run}/logs", f"/api/runs/{OPEN}/logs", SEE, SEE),
    Row("GET", "/api/runs/{run}/logs", f"/api/runs/{OPEN}/logs?follow=true", SEE, SEE),
    Row("GET", "/api/functions/{label}/{name}", "/api/functions/alice/hello", SEE, SEE),
    Row("GET", "/api/functions/{label}/{name}/logs", "/api/functions/alice/hello/logs", SEE, SEE),
    Row("GET", "/api/functions/{label}/{name}/usage", "/api/functions/alice/hello/usage", SEE, SEE),
    Row("GET", "/api/events/{seq}", "/api/events/1", SEE, SEE),
    Row("GET", "/api/events/{seq}/why", "/api/events/1/why", SEE, SEE),
    Row(
        "GET",
        "/api/tenants/{forge}/{owner}/members",
        "/api/tenants/local/alice/members",
        SEE,
        SEE,
    ),
    Row("GET", "/api/tenants/{forge}/{owner}/quota", "/api/tenants/local/alice/quota", SEE, SEE),
    # changes
    Row("POST", "/api/runs/{run}/cancel", f"/api/runs/{OPEN}/cancel", RUN & SEE, SEE),
    Row("POST", "/api/runs/{run}/rerun", f"/api/runs/{ENDED}/rerun", RUN & SEE, SEE),
    Row(
        "POST",
        "/api/promotions",
        "/api/promotions",
        RUN & SEE,
        SEE,
        {"project": "alice/hello", "environment": "branch-dev"},
    ),
    Row(
        "POST",
        "/api/functions/{label}/{name}/rollback",
        "/api/functions/alice/hello/rollback",
        RUN & SEE,
        SEE,
        {},
    ),
    Row(
        "DELETE",
        "/api/previews/{environment}",
        "/api/previews/branch-dev?project=alice/hello",
        RUN & SEE,
        SEE,
    ),
    Row(
        "POST",
        "/api/pulls/{number}/approve",
        "/api/pulls/7/approve",
        RUN & SEE,
        SEE,
        {"project": "alice/hello", "sha": SHA},
    ),
    Row(
        "PUT",
        "/api/project-settings",
        "/api/project-settings",
        OWN & SEE,
        SEE,
        {"project": "alice/hello", "branch": "release"},
    ),
    Row(
        "POST",
        "/api/collections/{collection}/undo",
        "/api/collections/1/undo",
        OWN & SEE,
        SEE,
        {},
    ),
    Row(
        "PUT",
        "/api/secrets/{place}",
        "/api/secrets/alice/hello/key?forge=local",
        SECRETS,
        body={"value": "x"},
    ),
    Row(
        "PUT",
        "/api/secrets/{place}",
        "/api/secrets/alice/key?forge=local",
        TENANT,
        body={"value": "x"},
    ),
    Row("DELETE", "/api/secrets/{place}", "/api/secrets/alice/hello/none?forge=local", SECRETS),
    Row("DELETE", "/api/secrets/{place}", "/api/secrets/alice/none?forge=local", TENANT),
    Row(
        "PUT",
        "/api/domains/{host}",
        "/api/domains/new.example.com",
        OWN & SEE,
        SEE,
        {"label": "alice", "function": "hello"},
    ),
    Row("DELETE", "/api/domains/{host}", "/api/domains/WHO.example.com", OWN & SEE, SEE),
    Row(
        "PUT",
        "/api/tenants/{forge}/{owner}/members",
        "/api/tenants/local/alice/members",
        OWN & SEE,
        SEE,
        {"who": "github:zoe", "role": "viewer"},
    ),
    Row(
        "DELETE",
        "/api/tenants/{forge}/{owner}/members",
        "/api/tenants/local/alice/members?who=github:zoe",
        OWN & SEE,
        SEE,
    ),
    # oneself
    Row("GET", "/api/me", "/api/me", EVERYBODY),
    Row("GET", "/api/tokens", "/api/tokens", EVERYBODY),
    Row("GET", "/api/tokens", "/api/tokens?everybody=true", OPERATE),
    Row(
        "POST",
        "/api/tokens",
        "/api/tokens",
        PEOPLE,
        body={"name": "ci", "scopes": ["invoke"], "days": 1},
    ),
    Row("DELETE", "/api/tokens/{id}", "/api/tokens/0123456789ab", {"operator"}, set()),
    # the installation
    Row(
        "PUT",
        "/api/tenants/{forge}/{owner}/quota",
        "/api/tenants/local/alice/quota",
        OPERATE,
        SEE,
        {"functions": 5},
    ),
    Row("GET", "/api/keys", "/api/keys", OPERATE),
    Row("POST", "/api/keys", "/api/keys", OPERATE),
    Row("DELETE", "/api/keys/{kid}", "/api/keys/made-before", OPERATE),
    Row("GET", "/api/secrets/public-key", "/api/secrets/public-key", EVERYBODY),
    Row("POST", "/api/secrets/rotation", "/api/secrets/rotation", OPERATE),
    Row("GET", "/api/deadletters", "/api/deadletters", OPERATE),
    Row("GET", "/api/deadletters/{letter}", "/api/deadletters/builder:EVENTS:1", OPERATE),
    Row(
        "POST", "/api/deadletters/redrive", "/api/deadletters/redrive", OPERATE, body={"all": True}
    ),
    Row(
        "POST",
        "/api/deadletters/{letter}/drop",
        "/api/deadletters/builder:EVENTS:1/drop",
        OPERATE,
        body={"reason": "gone"},
    ),
    Row(
        "POST",
        "/api/deliveries/{forge}/{delivery}/resend",
        "/api/deliveries/github/d-1/resend?wait=0",
        OPERATE,
    ),
    Row("GET", "", "/api/asyncapi.json", EVERYBODY),
    Row("GET", "", "/api/openapi.json", EVERYBODY),
)


@pytest.fixture
async def served(bus: Bus) -> AsyncIterator[Serving]:
    """Yield the API of an installation where local/alice has something of everything."""
    async with serving(bus) as served:
        await _furnish(served)
        yield served


async def _furnish(served: Serving) -> None:
    name = "alice/hello"
    hello = Repository("alice", "hello", "main")
    going = Aggregate("local", name, "collection", "production/old")
    never = datetime(2099, 1, 1, tzinfo=UTC)
    planned = CollectionPlanned("alice", "production", "old", "it left stack.yml", 1, never)
    await served.append(planned, going, name=name)
    for number, run in enumerate((ENDED, OPEN), start=1):
        queued = RunQueued("production", number, "main", SHA, hello, "alice")
        of = Aggregate("local", name, "run", run)
        await served.append(queued, of, name=name)
        if run == ENDED:
            await served.append(RunFinished("live"), of, name=name)
    function = Aggregate("local", name, "function", "production/hello")
    await served.append(FunctionClaimed("alice", "hello"), function, name=name)
    deployed = FunctionDeployed(
        run=ENDED,
        generation=1,
        revision="r",
        image=DIGEST,
        spec=DIGEST,
        sha=SHA,
        label="alice",
        environment="production",
        function="hello",
        upstream="unix:fn-0.sock",
    )
    await served.append(deployed, function, name=name)
    preview = Aggregate("local", name, "environment", "branch-dev")
    opened = EnvironmentOpened("dev", datetime(2099, 1, 1, tzinfo=UTC), push=1)
    await served.append(opened, preview, name=name)
    pull = Aggregate("local", name, "pull", "7")
    await served.append(PullHeld(7, SHA, hello, "bob", "pr-7"), pull, name=name)
    for caller in CALLERS:
        host = f"{slug(caller)}.example.com"
        of = Aggregate("", "", "domain", host)
        await served.append(DomainMapped(host, "alice", "hello"), of, actor="alice")
    issued = TokenIssued(
        user="github:1",
        login="github:zoe",
        name="hers",
        hash=digest_of(b""),
        scopes=("read",),
        until=(await served.bus.log.get(1)).time.replace(year=2099),
    )
    await served.write(issued, Aggregate("", "", "token", "0123456789ab"))
    await served.append(new_key().public(), Aggregate("", "", "key", "made-before"))


def slug(name: str) -> str:
    """Return a caller's name as a part of a host."""
    return name.replace(" ", "-")


def expected(row: Row, name: str) -> bool | int:
    """Return the status of whoever may not, True for who may."""
    if name in row.may:
        return True
    return 403 if name in row.see else 404


def judged(answer: Answer) -> bool | int:
    """Return True unless somebody was told that he may not."""
    refused = answer.status in (401, 403) or (
        answer.status == 404 and answer.json["code"] not in ("secret_missing", "letter_unknown")
    )
    return answer.status if refused else True


@pytest.mark.weakness(3)
@pytest.mark.weakness(10)
async def test_every_path_is_decided_on_for_everybody(served: Serving) -> None:
    """Nobody is asked to sign in; others do what they may, and nothing else.

    What somebody may not read is not there for him: 404; what he may not change: 403.
    """
    for row in ROWS:
        found = {}
        for name, caller in sorted(CALLERS.items(), key=lambda one: one[0] in row.may):
            path = row.path.replace("WHO", slug(name))
            answer = await served.ask(caller, row.method, path, row.body)
            assert answer.status < 500, (row, name, answer)
            found[name] = judged(answer)
        assert found == {name: expected(row, name) for name in CALLERS}, row
        assert (await served.ask(None, row.method, row.path, row.body)).status == 401, row


@pytest.mark.weakness(10)
async def test_no_path_is_missing_from_the_table(served: Serving) -> None:
    """Whoever adds a path says here who may ask for it."""
    schema = (await served.ask(PLATFORM, "GET", "/api/openapi.json")).json
    described = {
        (method.upper(), path) for path, ways in schema["paths"].items() for method in ways
    }

    assert described == {(row.method, row.template) for row in ROWS if row.template}


@pytest.mark.weakness(3)
async def test_lists_have_what_one_may_read(served: Serving) -> None:
    """Somebody of another tenant gets an empty page, and not a word of how many there are."""
    for kind in ("projects", "runs", "functions", "domains", "events"):
        for name, caller in CALLERS.items():
            page = (await served.ask(caller, "GET", f"/api/{kind}")).json
            assert bool(page["items"]) == (name in SEE), (kind, name)
            assert name in SEE or not page["cursor"]
            assert name in SEE or "alice" not in str(page)
    for name, caller in CALLERS.items():
        told = (await served.ask(caller, "GET", "/api/stats")).body
        assert (b"alice/hello" in told) == (name in SEE), name


async def test_what_is_refused_is_told_and_recorded(served: Serving) -> None:
    """A viewer learns which role it takes, a token which scope; the record says who tried what."""
    path = f"/api/runs/{OPEN}/cancel"
    vera = await served.ask(CALLERS["viewer"], "POST", path)
    token = await served.ask(person("alice", "owner", "alice", "read"), "POST", path)
    rotation = await served.ask(CALLERS["owner"], "POST", "/api/secrets/rotation")

    assert vera.json["detail"].startswith("local/alice: this takes the role member")
    assert "pushline members set local/alice github:vera member" in vera.json["hint"]
    assert token.json["detail"] == "this token has not the scope run"
    assert rotation.json["detail"] == "this is for operators"
    assert [one[:3] for one in served.denied] == [
        ("forbidden", "run", "local/alice"),
        ("forbidden", "run", "local/alice"),
        ("forbidden", "operate", ""),
    ]
