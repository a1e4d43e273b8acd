"""Secrets by HTTP, through the door, on a real log: what is written cannot be read."""

import asyncio
import base64
import functools
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from bus.connection import Bus
from consumers.secrets import box
from consumers.secrets.desk import Desk
from edge.api.app import create
from edge.api.domain_book import DomainBook
from edge.api.tailing import Tails
from edge.api.views import Views
from edge.cli.dispatch import Dispatch
from edge.cli.past import then_of
from schemas.envelope import Aggregate
from schemas.events.branch import BranchPushed
from schemas.events.project import ProjectInstalled, ProjectRenamed
from schemas.events.secret import SecretBound, SecretUnbound
from schemas.repository import Repository
from schemas.secrets import MOST, PublicKey, Scope
from tests.edge.auth.entering import auth_of, door

CANARY = "CANARY-a-value-that-nobody-may-read"
SHOP, ALICE = "/api/secrets/alice/shop/npm-token", "/api/secrets/alice/npm-token"


@pytest.fixture
async def desk(bus: Bus) -> Desk:
    """Return the desk of an empty log."""
    return Desk.of(bus, bus.settings.home / "secrets", None)


@pytest.fixture
async def api(bus: Bus, desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client that has the token, of an API that knows alice/shop."""
    views = Views.make(None, lambda label, _, function: f"http://{label}.localhost/{function}")
    auth = auth_of(bus)
    folds = (*views.folds, desk.register, *auth.book.folds)
    folding = [asyncio.create_task(fold.run(bus.follow)) for fold in folds]

    async def nobody(*_: object) -> None:
        raise AssertionError("not for us")

    book = DomainBook(bus.log, "localhost")
    application: Any = create(
        views,
        bus.lines,
        bus.build_logs,
        desk,
        counts=bus.usage,
        book=book,
        event_log=bus.log,
        auth=auth,
        then=then_of(bus, views, desk, auth.book, None),
        tails=Tails(bus.follow, bus.log),
        bus=bus,
        version="0",
    )
    dispatch: Any = Dispatch(
        door=door("localhost", "the-token"),
        paths={},
        git=nobody,
        api=application,
        front=b"",
    )
    pushed = BranchPushed("main", "0" * 40, "a" * 40, Repository("alice", "shop", "main"))
    of = Aggregate("local", "alice/shop", "branch", "main")
    await views.projects.reached(await bus.log.append(pushed, of=of, id="t", name="alice/shop"))
    transport, who = httpx.ASGITransport(dispatch), ("ann", "the-token")
    async with httpx.AsyncClient(
        transport=transport, base_url="http://localhost", auth=who
    ) as client:
        yield client
    for task in folding:
        task.cancel()


async def test_what_was_set_is_listed_without_its_value(api: httpx.AsyncClient, desk: Desk) -> None:
    """Whose, how called, since when, by whom, by which key; readable at the write's sequence."""
    written = await api.put(SHOP, json={"value": CANARY})
    page = await api.get(f"/api/secrets?after={written.json()['seq']}")

    assert written.status_code == 200
    [item] = page.json()["items"]
    assert (item["of"], item["name"], item["by"]) == ("alice/shop", "npm-token", "ann")
    assert item["key_id"] == (await desk.public_key()).key_id
    assert set(item) == {
        "forge", "of", "name", "set", "by", "key_id", "environments", "sealed", "keys", "sha",
    }  # fmt: skip
    assert (item["sealed"], item["keys"], item["sha"]) == (False, [], "")
    assert await desk.store.open("local", "alice/shop", "alice", "npm-token") == CANARY.encode()


async def test_a_sealed_secret_is_listed_apart_from_ours(bus: Bus, api: httpx.AsyncClient) -> None:
    """Its keys and the commit it comes from; a rotation is nothing to it, taken out it is gone."""
    await api.put(SHOP, json={"value": "x"})
    of = Aggregate("local", "alice/shop", "secret", "openfaas-fn/npm-token")
    bound = SecretBound("npm-token", "openfaas-fn", ("key", "pin"), "sha256:" + "0" * 64, "b" * 40)
    seq = await bus.log.append(bound, of=of, id="bound", name="alice/shop", actor="secrets")
    page = await api.get(f"/api/secrets?project=alice/shop&after={seq}")
    rotated = await api.post("/api/secrets/rotation")
    unbound = SecretUnbound("npm-token", "openfaas-fn")
    seq = await bus.log.append(unbound, of=of, id="unbound", name="alice/shop")
    left = await api.get(f"/api/secrets?after={seq}")

    kept, sealed = page.json()["items"]
    assert (kept["sealed"], kept["by"]) == (False, "ann")
    assert (sealed["sealed"], sealed["keys"], sealed["sha"]) == (True, ["key", "pin"], "b" * 40)
    assert (sealed["name"], sealed["key_id"]) == ("npm-token", "")
    assert rotated.json()["resealed"] == 1
    assert [item["sealed"] for item in left.json()["items"]] == [False]


async def test_a_project_sees_its_own_and_its_tenants(api: httpx.AsyncClient) -> None:
    """An owner sees all of its projects'; a stranger nothing; pages follow one another."""
    await api.put(SHOP, json={"value": "x"})
    await api.put(ALICE, json={"value": "x"})
    await api.put("/api/secrets/alice/new/other?forge=local", json={"value": "x"})
    last = await api.put("/api/secrets/bob/npm-token?forge=local", json={"value": "x"})

    async def seen(project: str) -> list[str]:
        query = f"project={project}&after={last.json()['seq']}"
        items = (await api.get(f"/api/secrets?{query}")).json()["items"]
        return [f"{item['of']} {item['name']}" for item in items]

    assert await seen("alice/shop") == ["alice npm-token", "alice/shop npm-token"]
    assert await seen("Alice") == ["alice npm-token", "alice/new other", "alice/shop npm-token"]
    assert await seen("carol") == []
    first = (await api.get("/api/secrets?limit=3")).json()
    rest = (await api.get(f"/api/secrets?limit=3&cursor={first['cursor']}")).json()
    assert [item["of"] for item in first["items"] + rest["items"]] == [
        "alice",
        "alice/new",
        "alice/shop",
        "bob",
    ]
    assert rest["cursor"] == ""


async def test_no_route_hands_a_value_out(api: httpx.AsyncClient) -> None:
    """Every path and method of the API, asked with a secret in the store."""
    await api.put(SHOP, json={"value": CANARY})
    await api.put(ALICE, json={"value": CANARY})
    paths = (await api.get("/api/openapi.json")).json()["paths"]
    soon = (datetime.now(UTC) + timedelta(seconds=2)).isoformat().replace("+00:00", "Z")
    filled = {
        "{place}": "alice/shop/npm-token",
        "{run}": "x",
        "/tail": f"/tail?until={soon}",
        "/resend": "/resend?wait=0",
    }
    asked = [
        (method, functools.reduce(lambda path, part: path.replace(*part), filled.items(), pattern))
        for pattern in [
            *paths,
            "/api/secrets/",
            SHOP,
            ALICE,
            f"{SHOP}/value",
            f"{SHOP}?forge=local",
        ]
        for method in ("GET", "HEAD", "OPTIONS", "POST", "PATCH", "PUT")
    ]
    asked += [("DELETE", SHOP), ("DELETE", ALICE)]
    answers = [await api.request(method, path, json={}) for method, path in asked]

    assert [answer.status_code for answer in answers[-2:]] == [200, 200]  # they were there
    for answer in answers:
        everything = f"{answer.headers!r} {answer.text}"
        assert CANARY not in everything
        assert base64.b64encode(CANARY.encode()).decode() not in everything


async def test_a_secret_stays_with_its_project_when_names_move(
    bus: Bus, api: httpx.AsyncClient, desk: Desk
) -> None:
    """Renamed, it is listed by the new name; who takes the old name gets nothing of it."""
    for project, name in (("1", "old"), ("2", "old")):
        of = Aggregate("github", project, "project", "")
        seq = await bus.log.append(ProjectInstalled("eve", name), of=of, id=f"t{project}")
        await api.get(f"/api/projects?after={seq}")
        if project == "1":
            await api.put("/api/secrets/eve/old/npm", json={"value": "of the first"})
            renamed = ProjectRenamed("eve", "new")
            await bus.log.append(renamed, of=of, id="t3")
    seq = (await api.put("/api/secrets/eve/old/npm", json={"value": "of the second"})).json()["seq"]
    page = (await api.get(f"/api/secrets?project=eve&after={seq}")).json()

    assert [item["of"] for item in page["items"]] == ["eve/new", "eve/old"]
    assert await desk.store.open("github", "1", "eve", "npm") == b"of the first"
    assert await desk.store.open("github", "2", "eve", "npm") == b"of the second"


@pytest.mark.weakness(26)
async def test_a_removed_secret_is_gone(api: httpx.AsyncClient) -> None:
    """Removing what is not there is told as that."""
    await api.put(SHOP, json={"value": "x"})
    gone = await api.delete(SHOP)
    again = await api.delete(SHOP)
    page = await api.get(f"/api/secrets?after={gone.json()['seq']}")

    assert gone.status_code == 200
    assert page.json()["items"] == []
    assert (again.status_code, again.json()["code"]) == (404, "secret_missing")


async def test_bytes_and_sealed_texts_are_taken(api: httpx.AsyncClient, desk: Desk) -> None:
    """Base64 for what is no text, a box for what was sealed elsewhere."""
    raw = bytes(range(256))
    await api.put(SHOP, json={"value_base64": base64.b64encode(raw).decode()})
    assert await desk.store.open("local", "alice/shop", "alice", "npm-token") == raw

    key = PublicKey(**(await api.get("/api/secrets/public-key")).json())
    text = box.seal_for(b"sealed", Scope("local", "alice/shop"), "npm-token", key)
    taken = await api.put(SHOP, json={"sealed": text})
    elsewhere = await api.put(ALICE, json={"sealed": text})

    assert taken.status_code == 200
    assert await desk.store.open("local", "alice/shop", "alice", "npm-token") == b"sealed"
    assert elsewhere.status_code == 422
    assert "for npm-token of local alice/shop" in elsewhere.json()["detail"]


@pytest.mark.parametrize(
    ("path", "body", "status", "field"),
    [
        ("/api/secrets/alice/shop/NPM", {"value": CANARY}, 422, "name"),
        (SHOP, {"value": ""}, 422, "value"),
        (SHOP, {"value": CANARY * (MOST // 30)}, 422, "value"),
        (SHOP, {"value": CANARY * 10_000}, 413, "Large"),
        (SHOP, {"value": CANARY, "sealed": CANARY}, 422, "exactly one"),
        (SHOP, {"sealed": CANARY}, 422, "sealed"),
        (SHOP, {"value_base64": CANARY}, 422, "value_base64"),
        (SHOP, {"value": [CANARY]}, 400, "value"),
        (SHOP, {"valu": CANARY}, 400, "valu"),
        (SHOP, [CANARY], 400, "object"),
        (f"{SHOP}?forge=cvs", {"value": CANARY}, 422, "forge"),
        ("/api/secrets/alice/shopp/npm", {"value": CANARY}, 404, "alice/shopp"),
        ("/api/secrets/npm", {"value": CANARY}, 404, "no project"),
    ],
)
async def test_what_cannot_be_taken_is_a_problem_that_names_it_and_quotes_nothing(
    api: httpx.AsyncClient, path: str, body: object, status: int, field: str
) -> None:
    """The field and the cure are told; what stood in it is not."""
    response = await api.put(path, json=body)

    assert response.status_code == status
    assert field in response.json()["detail"]
    assert CANARY not in response.text
    assert (await api.get("/api/secrets")).json()["items"] == []


async def test_nothing_is_written_or_listed_without_the_token(api: httpx.AsyncClient) -> None:
    """Every route of secrets, the public key too, is behind the door."""
    for method, path in (
        ("GET", "/api/secrets"),
        ("GET", "/api/secrets/public-key"),
        ("PUT", SHOP),
        ("DELETE", SHOP),
        ("POST", "/api/secrets/rotation"),
    ):
        response = await api.request(method, path, auth=("ann", "a guess"), json={"value": "x"})
        assert response.status_code == 401


async def test_a_page_of_another_site_changes_nothing(api: httpx.AsyncClient) -> None:
    """A browser that knows the token would send it along: with whose page it was."""
    theirs = {"Origin": "http://alice.localhost"}
    refused = [
        await api.post("/api/secrets/rotation", headers=theirs),
        await api.put(SHOP, json={"value": "x"}, headers={"Origin": "http://localhost:3000"}),
        await api.delete(SHOP, headers={"Origin": "null"}),
    ]
    read = await api.get("/api/secrets", headers=theirs)
    own = await api.put(SHOP, json={"value": "x"}, headers={"Origin": "http://localhost"})

    assert [answer.status_code for answer in refused] == [403, 403, 403]
    assert refused[0].json()["code"] == "origin_foreign"
    assert (read.status_code, own.status_code) == (200, 200)  # browsers keep what is read to itself


async def test_the_public_key_has_the_builders_shape(api: httpx.AsyncClient) -> None:
    """key_id, algorithm and 32 bytes in base64; a rotation changes it."""
    first = (await api.get("/api/secrets/public-key")).json()
    rotated = (await api.post("/api/secrets/rotation")).json()
    second = (await api.get("/api/secrets/public-key")).json()

    assert list(first) == ["key_id", "algorithm", "public_key"]
    assert first["algorithm"] == "nacl/box"
    assert len(base64.b64decode(first["public_key"])) == 32
    assert rotated["dropped"] == [first["key_id"]]
    assert rotated["key_id"] == second["key_id"] != first["key_id"]
