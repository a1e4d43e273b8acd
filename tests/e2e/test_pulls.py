"""A pull request of GitHub's, from its opening to its end, on a real platform."""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from schemas.ids import ZERO_SHA
from tests.consumers.source.forge import HANDLER, STACK, git
from tests.consumers.source.forge import Forge as Repositories
from tests.e2e.test_webhooks import SETTINGS, deliver, forge, push
from tests.laptop import Laptop, laptop
from tests.watch import seen

__all__ = ["forge"]  # the fixture

PREVIEWS: Final = STACK + "previews: {pull_requests: true}\n"


def version(forge: Repositories, text: str) -> str:
    """Commit a handler that answers ``text``, in a stack with previews."""
    files = {"stack.yml": PREVIEWS, "hello/handler.py": HANDLER.replace("hi", text)}
    return forge.commit(files, message=text)


def pull(forge: Repositories, action: str, sha: str, *, fork: bool, minute: int) -> bytes:
    """Return the payload of a pull request."""
    repository = json.loads(push(forge, ZERO_SHA, sha))["repository"]
    head = {"ref": "work", "sha": sha, "repo": {"id": 2, "full_name": "mallory/hello"}}
    if not fork:
        head["repo"] = {"id": repository["id"], "full_name": repository["full_name"]}
    change = {
        "action": action,
        "number": 7,
        "pull_request": {
            "number": 7,
            "head": head,
            "base": {"ref": "main", "sha": ZERO_SHA, "repo": repository},
            "user": {"login": "mallory" if fork else "octocat", "id": 1},
            "merged": False,
            "updated_at": f"2026-01-31T12:{minute:02}:00Z",
        },
        "repository": repository,
        "sender": {"login": "octocat", "id": 1},
    }
    return json.dumps(change).encode()


def of(here: Laptop, type: str) -> list[dict[str, Any]]:
    """Return the events of a type."""
    return [event for event in here.events() if event["type"] == f"{type}/1"]


@pytest.mark.timeout(240)
async def test_a_pull_requests_life(tmp_path: Path, forge: Repositories) -> None:
    """Opened, it answers at a URL of its own; closed, that is gone, and production never moved."""
    with laptop(tmp_path, SETTINGS) as here:
        main = version(forge, "main")
        assert await deliver(here, push(forge, ZERO_SHA, main)) == 202
        await here.answers("hello", "main", "octocat")
        work = version(forge, "work")
        git(forge.work, "branch", "-q", "work", work)
        git(forge.work, "update-ref", "refs/pull/7/head", work)

        opened = pull(forge, "opened", work, fork=False, minute=1)
        for _ in range(2):  # GitHub may send it again, under another id
            assert await deliver(here, opened, event="pull_request") == 202
        await here.answers("hello", "work", "pr-7--octocat")
        await here.answers("hello", "main", "octocat")
        closed = pull(forge, "closed", work, fork=False, minute=2)
        assert await deliver(here, closed, event="pull_request") == 202
        await seen(here.home, "environment.closed")
        await seen(here.home, "function.removed")

        (gone,) = of(here, "function.removed")
        assert gone["id"] == "pr-7/hello"
        assert len(of(here, "run.queued")) == 2
        await here.answers("hello", "main", "octocat")


@pytest.mark.timeout(240)
async def test_a_strangers_commit_waits(tmp_path: Path, forge: Repositories) -> None:
    """Nothing of a fork is fetched until a member has approved that very commit."""
    with laptop(tmp_path, SETTINGS) as here:
        main = version(forge, "main")
        assert await deliver(here, push(forge, ZERO_SHA, main)) == 202
        await here.answers("hello", "main", "octocat")
        work = version(forge, "stranger")
        git(forge.work, "update-ref", "refs/pull/7/head", work)
        asked = len(forge.requests)

        opened = pull(forge, "opened", work, fork=True, minute=1)
        assert await deliver(here, opened, event="pull_request") == 202
        await seen(here.home, "pull.held")
        assert len(forge.requests) == asked
        here.pushline("run", "approve", "octocat/hello", "7", work)

        await here.answers("hello", "stranger", "pr-7--octocat")
        (approved,) = of(here, "pull.approved")
        assert approved["actor"]
