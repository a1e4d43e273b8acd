"""The played GitHub does what is documented, or what its clients' tests show is nothing."""

import hmac
import subprocess
from typing import Any

import aiohttp
import jwt
import msgspec
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.consumers.source.forge import AUTHOR
from tests.heavy.forges.github.played import Played
from tests.heavy.forges.github.state import key


def heads(url: str, token: str) -> str:
    """Return what git says of a repository."""
    done = subprocess.run(
        ["git", "ls-remote", "--heads", url.replace("://", f"://x-access-token:{token}@")],
        env=AUTHOR | {"GIT_TERMINAL_PROMPT": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout or done.stderr


async def asked(played: Played, path: str, token: str, method: str = "GET") -> tuple[int, Any]:
    """Return what the API answers to a token."""
    headers = {
        "Authorization": f"Bearer {token}",
        "User-Agent": "test",
        "X-GitHub-Api-Version": "2022-11-28",
    }
    url = f"{played.url}/api/v3{path}"
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, url, headers=headers) as answer,
    ):
        return answer.status, await answer.json()


async def test_a_token_opens_what_its_installation_has(github_app: Played) -> None:
    """The App proves itself by its key; an installation's token reads its repositories alone."""
    world = github_app.world
    shop, other = world.repository("acme/shop"), world.repository("acme/other")
    sha = world.push(shop, "main", {"stack.yml": "version: 1.0\n"})
    installation = world.install("acme", shop)
    now = int(world.clock())
    claims = {"iat": now - 60, "exp": now + 500, "iss": str(world.app_id)}
    proof = jwt.encode(claims, key(), algorithm="RS256")
    late = jwt.encode(claims | {"exp": now + 5000}, key(), algorithm="RS256")

    path = f"/app/installations/{installation.id}/access_tokens"
    assert (await asked(github_app, path, late, "POST"))[0] == 401
    status, made = await asked(github_app, path, proof, "POST")

    assert status == 201
    token = made["token"]
    branches = (await asked(github_app, "/repos/acme/shop/branches", token))[1]
    assert [branch["commit"]["sha"] for branch in branches] == [sha]
    assert (await asked(github_app, f"/repositories/{other.id}", token))[0] == 404
    assert heads(f"{github_app.url}/acme/shop.git", token) == f"{sha}\trefs/heads/main\n"
    assert "not found" in heads(f"{github_app.url}/acme/other.git", token)

    world.uninstall(installation)
    assert (await asked(github_app, "/repos/acme/shop", token))[0] == 401


async def test_what_people_do_is_told_to_the_app(github_app: Played) -> None:
    """In order, signed; of what is not open to the App nothing is told."""
    told: list[tuple[str, dict[str, Any]]] = []

    async def heard(request: web.Request) -> web.Response:
        body = await request.read()
        made = hmac.digest(b"secret", body, "sha256").hex()
        assert request.headers["X-Hub-Signature-256"] == f"sha256={made}"
        told.append((request.headers["X-GitHub-Event"], msgspec.json.decode(body)))
        return web.Response(status=202)

    application = web.Application()
    application.router.add_post("/github-event", heard)
    world = github_app.world
    async with TestServer(application) as server:
        world.sender.url, world.sender.secret = str(server.make_url("/github-event")), "secret"
        shop, hidden = world.repository("acme/shop"), world.repository("acme/hidden")
        installation = world.install("acme", shop)
        await world.calm()
        first = world.push(shop, "main", {"a": "1"})
        await world.calm()
        world.push(hidden, "main", {"a": "1"})
        second = world.push(shop, "feature", {"a": "2"})
        await world.calm()
        pull = world.open_pull(shop, "feature")
        await world.calm()
        world.merge(shop, pull)
        await world.calm()
        world.rename(shop, "acme/store")
        world.uninstall(installation)
        await world.calm()

    said = [(event, body.get("action") or body["ref"]) for event, body in told]
    assert said[:4] == [
        ("installation", "created"),
        ("push", "refs/heads/main"),
        ("push", "refs/heads/feature"),
        ("pull_request", "opened"),
    ]
    assert set(said[4:6]) == {("pull_request", "closed"), ("push", "refs/heads/main")}
    assert set(said[6:]) == {("repository", "renamed"), ("installation", "deleted")}
    assert {body["repository"]["name"] for event, body in told if event == "push"} == {"shop"}
    assert told[1][1]["after"] == first
    assert told[3][1]["pull_request"]["head"]["sha"] == second
