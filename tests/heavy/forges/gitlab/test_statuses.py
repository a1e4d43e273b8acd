"""The played GitLab's jobs do what is documented."""

from typing import Any

import aiohttp

from tests.heavy.forges.gitlab.played import Played
from tests.heavy.forges.gitlab.state import DEVELOPER, REPORTER


async def test_a_job_goes_on_and_never_back(gitlab_api: Played) -> None:
    """Each state comes once; after its end a context begins anew; strangers say nothing."""
    world = gitlab_api.world
    alice, bob, eve = (world.user(name) for name in ("alice", "bob", "eve"))
    project = world.project("alice/shop", by=alice)
    project.members |= {bob.id: DEVELOPER, eve.id: REPORTER}
    sha = world.push(project, "main", {"a": "1"}, by=alice)
    where = f"{gitlab_api.url}/api/v4/projects/{project.id}/statuses/"

    async def say(token: str, sha: str, **said: Any) -> tuple[int, str]:
        headers = {"Authorization": f"Bearer {token}"}
        async with (
            aiohttp.ClientSession() as session,
            session.post(where + sha, headers=headers, json=said) as answer,
        ):
            return answer.status, str(await answer.json())

    token = world.token(bob)
    states = ("pending", "pending", "running", "pending", "success", "pending")
    said = [await say(token, sha, state=state, name="x") for state in states]

    assert [status for status, _ in said] == [201, 400, 201, 400, 201, 201]
    assert "Cannot transition status via :enqueue from :running" in said[3][1]
    assert (await say(world.token(eve), sha, state="success"))[0] == 403
    assert (await say(token, "ab" * 20, state="success")) == (
        404,
        "{'message': '404 Commit Not Found'}",
    )
    assert (await say(token, sha, state="done"))[0] == 400
    assert "is too long" in (await say(token, sha, state="failed", description="x" * 256))[1]
    assert "is blocked" in (await say(token, sha, state="failed", target_url="ftp://x"))[1]
