"""The played GitLab does what is documented, or what its clients' tests show is nothing."""

import subprocess
from typing import Any

import aiohttp
import msgspec
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.consumers.source.forge import AUTHOR
from tests.heavy.forges.gitlab.played import Played


def heads(url: str, token: str) -> str:
    """Return what git says of a repository."""
    done = subprocess.run(
        ["git", "ls-remote", "--heads", url.replace("://", f"://oauth2:{token}@")],
        env=AUTHOR | {"GIT_TERMINAL_PROMPT": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout or done.stderr


async def test_a_private_project_is_not_there_for_strangers(gitlab_api: Played) -> None:
    """Without a role a project answers 404, without a good token everything answers 401."""
    world = gitlab_api.world
    alice, eve = world.user("alice"), world.user("eve")
    project = world.project("group/sub/shop", by=alice)
    sha = world.push(project, "main", {"stack.yml": "version: 1.0\n"}, by=alice)
    tokens = {"alice": world.token(alice), "eve": world.token(eve), "nobody": "glpat-x"}
    statuses = {}
    async with aiohttp.ClientSession() as session:
        for name, token in tokens.items():
            url = f"{gitlab_api.url}/api/v4/projects/group%2Fsub%2Fshop"
            async with session.get(url, headers={"PRIVATE-TOKEN": token}) as answer:
                statuses[name] = answer.status
    clone = f"{gitlab_api.url}/group/sub/shop.git"

    assert statuses == {"alice": 200, "eve": 404, "nobody": 401}
    assert heads(clone, world.token(alice, "read_repository")) == f"{sha}\trefs/heads/main\n"
    assert "not found" in heads(clone, tokens["eve"])
    assert "Authentication failed" in heads(clone, tokens["nobody"])


async def test_what_people_do_is_told_to_webhooks(gitlab_api: Played) -> None:
    """A push, a merge request, its new commit and its merge arrive in order, with the token."""
    told: list[tuple[str, str, dict[str, Any]]] = []

    async def heard(request: web.Request) -> web.Response:
        headers = request.headers
        body = msgspec.json.decode(await request.read())
        told.append((headers["X-Gitlab-Event"], headers["X-Gitlab-Token"], body))
        return web.Response(status=202)

    application = web.Application()
    application.router.add_post("/hook", heard)
    world = gitlab_api.world
    alice = world.user("alice")
    async with TestServer(application) as sink:
        project = world.project("alice/shop", by=alice)
        hook = world.hook(str(sink.make_url("/hook")), token="t", project=project)
        world.push(project, "main", {"a": "1"}, by=alice)
        world.push(project, "more", {"b": "2"}, by=alice)
        asked = world.open_merge(project, "more", project, "main", by=alice)
        head = world.push(project, "more", {"b": "3"}, by=alice)
        merged = world.merge(asked, by=alice)
        await world.calm()

    kinds = [body.get("object_attributes", {}).get("action", kind) for kind, _, body in told]
    assert kinds == ["Push Hook"] * 2 + ["open", "Push Hook", "update", "merge", "Push Hook"]
    assert {token for _, token, _ in told} == {"t"}
    assert told[4][2]["object_attributes"]["last_commit"]["id"] == head
    assert told[6][2]["after"] == merged == project.branches["main"]
    assert hook.failures == 0
