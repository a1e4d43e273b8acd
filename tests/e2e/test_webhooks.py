"""Webhooks of GitHub, signed as it signs them: wrong order, resent, all at once."""

import asyncio
import hashlib
import hmac
import json
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest

from schemas.ids import ZERO_SHA
from tests.consumers.source.forge import HANDLER, STACK, Forge
from tests.laptop import Laptop, laptop
from tests.watch import seen

SECRET: Final = "e2e secret"
CUSTOMERS: Final = ("customers.listed", "tenant.admitted")  # what the list of them says
SETTINGS: Final = {"PUSHLINE_GITHUB_WEBHOOK_SECRET": SECRET, "PUSHLINE_CUSTOMERS": "*"}


@pytest.fixture
def forge(tmp_path: Path) -> Iterator[Forge]:
    """Yield what GitHub hands out over git; its webhooks are ours to send."""
    running = Forge(tmp_path / "forge")
    try:
        yield running
    finally:
        running.close()


def push(forge: Forge, before: str, after: str) -> bytes:
    """Return the payload of a push to main."""
    repository = {
        "id": 1296269,
        "name": "hello",
        "full_name": "octocat/hello",
        "private": False,
        "owner": {"login": "octocat", "id": 1, "name": "octocat", "email": None},
        "html_url": forge.url,
        "clone_url": forge.url,
        "default_branch": "main",
        "master_branch": "main",
    }
    return json.dumps(
        {
            "ref": "refs/heads/main",
            "before": before,
            "after": after,
            "created": before == ZERO_SHA,
            "deleted": False,
            "forced": False,
            "compare": "",
            "commits": [],
            "head_commit": None,
            "pusher": {"name": "octocat", "email": "octocat@example.com"},
            "sender": {"login": "octocat", "id": 1},
            "repository": repository,
        }
    ).encode()


async def deliver(here: Laptop, body: bytes, id: str = "", event: str = "push") -> int:
    """Send a delivery; return the status."""
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    headers = {
        "Host": f"system.localhost:{here.port}",
        "Content-Type": "application/json",
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": id or str(uuid.uuid4()),
        "X-Hub-Signature-256": f"sha256={signature}",
        "User-Agent": "GitHub-Hookshot/abc",
    }
    url = f"http://127.0.0.1:{here.port}/github-event"
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=body, headers=headers) as answer,
    ):
        return answer.status


def version(forge: Forge, text: str) -> str:
    """Commit a handler that answers ``text``."""
    files = {"stack.yml": STACK, "hello/handler.py": HANDLER.replace("hi", text)}
    return forge.commit(files, message=text)


def facts(here: Laptop) -> Counter[str]:
    """Count the facts in the log."""
    return Counter(event["type"].partition("/")[0] for event in here.events())


def live(here: Laptop) -> Any:
    """Return the commit of the newest revision."""
    return [e for e in here.events() if e["type"] == "function.deployed/1"][-1]["fact"]["sha"]


@pytest.mark.timeout(240)
async def test_late_and_resent_pushes_never_move_production(tmp_path: Path, forge: Forge) -> None:
    """Wrong order, a day-old one under a new id, one five times at once: the newest stays live."""
    with laptop(tmp_path, SETTINGS) as here:
        first = version(forge, "first")
        assert await deliver(here, push(forge, ZERO_SHA, first)) == 202
        await here.answers("hello", "first", "octocat")
        second = version(forge, "second")
        third = version(forge, "third")

        assert await deliver(here, push(forge, second, third)) == 202  # overtakes the next
        assert await deliver(here, push(forge, first, second)) == 202
        await here.answers("hello", "third", "octocat")
        await seen(here.home, "branch.push-outdated")
        queued = facts(here)["run.queued"]
        assert queued == 2

        assert await deliver(here, push(forge, ZERO_SHA, first)) == 202  # a day old, a new id
        await seen(here.home, "branch.push-outdated", count=2)
        fourth = version(forge, "fourth")
        body, id = push(forge, third, fourth), str(uuid.uuid4())
        statuses = await asyncio.gather(*(deliver(here, body, id) for _ in range(5)))
        assert set(statuses) == {202}
        await here.answers("hello", "fourth", "octocat")
        await seen(here.home, "run.finished", count=3)

        counted = facts(here)
        assert counted["run.queued"] == 3
        assert counted["run.finished"] == 3
        assert live(here) == fourth


@pytest.mark.timeout(240)
async def test_what_is_not_signed_is_not_stored(tmp_path: Path) -> None:
    """A wrong signature is 401 and leaves nothing; a kind we do not know is ignored by fact."""
    with laptop(tmp_path, SETTINGS) as here:
        url = f"http://127.0.0.1:{here.port}/github-event"
        headers = {"X-Hub-Signature-256": "sha256=" + "0" * 64, "X-GitHub-Delivery": "x"}
        async with (
            aiohttp.ClientSession() as session,
            session.post(url, data=b"{}", headers=headers) as answer,
        ):
            assert answer.status == 401
        assert await deliver(here, b'{"action":"started"}', event="watch") == 202
        await seen(here.home, "delivery.ignored")
        counted = facts(here)
        assert {fact for fact in counted if fact not in CUSTOMERS} == {"delivery.ignored"}
        assert counted["delivery.ignored"] == 1


@pytest.mark.timeout(240)
async def test_a_stranger_starts_nothing(tmp_path: Path, forge: Forge) -> None:
    """Where nobody is listed, a signed push of any account is ignored, and says what to do."""
    with laptop(tmp_path, {"PUSHLINE_GITHUB_WEBHOOK_SECRET": SECRET}) as here:
        sha = version(forge, "first")
        assert await deliver(here, push(forge, ZERO_SHA, sha)) == 202
        await seen(here.home, "delivery.ignored")

        (ignored,) = (e for e in here.events() if e["type"] == "delivery.ignored/1")
        assert "not found in customers ACL" in ignored["fact"]["reason"]
        assert "run.queued" not in facts(here)
