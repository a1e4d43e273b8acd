"""The ways that secrets take into a Pushline: each plants canaries, and says where they may be."""

import asyncio
import hmac
import json
import re
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any, Final, NamedTuple

import aiohttp

from tests.canaries.cage import Cage
from tests.heavy.identity.github import PlayedGitHub
from tests.laptop import Laptop, git_environment, repository

CODE: Final = (
    "git/",
    "blobs/",
    "bundles/",
    "functions/",
)  # what was pushed, and what is made of it
STACK: Final = """\
version: 1.0
provider:
  name: openfaas
functions:
  talks:
    lang: python3-http
    handler: ./talks
    environment:
      SET: {set}
  fails:
    lang: python3-http
    handler: ./fails
"""
TALKS: Final = """\
import os

def handle(event, context):
    print("{printed}")
    if event.path == "/crash":
        raise RuntimeError("{crashed}")
    return {{"statusCode": 200, "body": repr(dict(os.environ))}}
"""


class Planted(NamedTuple):
    """A Pushline, and the secrets that are told to it."""

    here: Laptop
    cage: Cage
    github: PlayedGitHub
    settings: dict[str, str]

    async def ask(
        self, method: str, path: str, host: str = "system", **more: Any
    ) -> tuple[int, str]:
        """Return status and text of an answer."""
        headers = {"Host": f"{host}.localhost:{self.here.port}", **more.pop("headers", {})}
        url = f"http://127.0.0.1:{self.here.port}{path}"
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, url, headers=headers, allow_redirects=False, **more) as answer,
        ):
            return answer.status, await answer.text()

    def bearer(self) -> dict[str, str]:
        """Return the header of the platform's own token."""
        return {"Authorization": f"Bearer {self.here.endpoint()['token']}"}


async def webhooks(to: Planted) -> None:
    """Send deliveries: good ones with secrets beside and inside, a forged one, one for GitLab."""
    head = {
        "Authorization": f"Bearer {to.cage.plant('authorization of a webhook')}",
        "Cookie": f"session={to.cage.plant('cookie of a webhook')}",
        "X-GitHub-Event": "push",
        "Content-Type": "application/json",
    }
    body = json.dumps(push(to.cage)).encode()
    secret = to.settings["PUSHLINE_GITHUB_WEBHOOK_SECRET"].encode()
    signature = hmac.digest(secret, body, "sha256").hex()
    to.cage.plant("signature of a webhook", value=signature)
    for id, signed in (("good", signature), ("forged", "0" * 64)):
        more = {"X-GitHub-Delivery": id, "X-Hub-Signature-256": f"sha256={signed}"}
        data = body if id == "good" else to.cage.plant("forged body").encode()
        status, _ = await to.ask("POST", "/github-event", data=data, headers=head | more)
        assert status == (202 if id == "good" else 401)
    more = {"X-Gitlab-Event": "Push Hook", "Content-Type": "application/json"}
    more["X-Gitlab-Token"] = to.settings["PUSHLINE_GITLAB_WEBHOOK_TOKEN"]
    status, _ = await to.ask("POST", "/gitlab-event", data=b'{"object_kind":"push"}', headers=more)
    assert status == 202


def push(cage: Cage) -> dict[str, Any]:
    """Return GitHub's payload of a push with people's names and other private words in it."""
    person = {
        "name": cage.plant("name of a pusher", "DELIVERIES"),
        "email": f"{cage.plant('address of a pusher', 'DELIVERIES')}@example.com",
    }
    commit = {
        "id": "b" * 40,
        "message": cage.plant("message of a commit", "DELIVERIES"),
        "author": person,
    }
    return {
        "ref": "refs/heads/main",
        "before": "a" * 40,
        "after": "b" * 40,
        "deleted": False,
        "created": False,
        "commits": [commit],
        "head_commit": commit,
        "pusher": {**person, "name": "octocat"},
        "sender": {"login": "octocat", "id": 1},
        "repository": {
            "id": 1296269,
            "name": "hello",
            "full_name": "octocat/hello",
            "private": True,
            "owner": {"login": "octocat", "id": 1, "email": person["email"]},
            "clone_url": "http://127.0.0.1:1/octocat/hello.git",
            "default_branch": "main",
            "description": cage.plant("description of a repository", "DELIVERIES"),
        },
    }


async def pushes(to: Planted, work: Path) -> None:
    """Push: with a wrong password, then well; one function talks, one does not build."""
    stack = STACK.format(set=to.cage.plant("environment of a function", *CODE))
    told = {
        "printed": to.cage.plant("what a function prints", *CODE, "LOGS log.function"),
        "crashed": to.cage.plant("what a function dies of", *CODE, "LOGS log.function"),
    }
    nowhere = (
        f"--index-url http://u:{to.cage.plant('password in a repository', *CODE)}@127.0.0.1:1/"
    )
    files = {
        "talks/handler.py": TALKS.format(**told),
        "fails/handler.py": "def handle(event, context):\n    return ''\n",
        "fails/requirements.txt": f"{nowhere}\nno-such-package\n",
    }
    repository(work, files, stack)
    wrong = to.here.remote().replace(to.here.endpoint()["token"], to.cage.plant("wrong password"))
    command = ["git", "-C", str(work), "push", wrong, "HEAD:main"]
    refused = await asyncio.create_subprocess_exec(
        *command, env=git_environment(), stderr=asyncio.subprocess.PIPE
    )
    assert b"fail" in (await refused.communicate())[1].lower()
    with to.here.pushing(work) as git_push:
        said = await asyncio.to_thread(git_push.communicate, timeout=60)
    assert "live at" in said[0]
    assert "fails" in said[0]


async def calls(to: Planted) -> None:
    """Call the function with secrets in head and query; it shows its environment, and crashes."""
    head = {
        "Authorization": f"Bearer {to.cage.plant('authorization of a call')}",
        "Cookie": f"session={to.cage.plant('cookie of a call')}",
    }
    query = to.cage.plant("query of a call")
    status, text = await to.ask("GET", f"/talks?token={query}", "alice", headers=head)
    assert status == 200, text
    assert to.cage.escaped("a function's environment", text.encode()) == [
        "environment of a function at a function's environment"
    ]
    status, _ = await to.ask("GET", "/talks/crash", "alice", headers=head)
    assert status == 500


async def requests(to: Planted) -> None:
    """Write secrets by the API, well and badly; ask with what is no token; get a token."""
    value, wrong = to.cage.plant("value of a secret"), to.cage.plant("value in a bad request")
    path = "/api/secrets/alice/hello/db"
    status, _ = await to.ask("PUT", path, json={"value": value}, headers=to.bearer())
    assert status == 200
    bad: tuple[dict[str, object], ...] = (
        {"value": [wrong]},
        {wrong: "x"},
        {"sealed": wrong},
        {"value_base64": wrong + "!"},
    )
    for body in bad:
        status, _ = await to.ask("PUT", path, json=body, headers=to.bearer())
        assert status in (400, 422)
    for head in (
        {"Authorization": f"Bearer {to.cage.plant('no token')}"},
        {"Cookie": f"pushline={to.cage.plant('no session')}"},
    ):
        status, _ = await to.ask("GET", "/api/runs", headers=head)
        assert status == 401
    wanted = {"name": "ci", "scopes": ["read"]}
    status, text = await to.ask("POST", "/api/tokens", json=wanted, headers=to.bearer())
    assert status in (200, 201), text
    token = json.loads(text)["token"]
    to.cage.plant("API token", value=token.rpartition("_")[2])
    status, _ = await to.ask("GET", "/api/runs", headers={"Authorization": f"Bearer {token}"})
    assert status == 200


async def signing_in(to: Planted) -> None:
    """Sign in by a provider that does not take our client's secret; the code is one too."""
    url = f"http://127.0.0.1:{to.here.port}"
    host = {"Host": f"system.localhost:{to.here.port}"}
    async with (
        aiohttp.ClientSession(headers=host) as session,
        session.get(f"{url}/login/github", allow_redirects=False) as begun,
    ):
        found = re.search(r"[?&]state=([^&]+)", begun.headers["Location"])
        assert found
        state, jar = found[1], SimpleCookie()
        for cookie in begun.headers.getall("Set-Cookie"):
            jar.load(cookie)
        head = {"Cookie": "; ".join(f"{name}={each.value}" for name, each in jar.items())}
        code = to.cage.plant("code of a sign-in")
        back = f"{url}/login/callback/github?state={state}&code={code}"
        async with session.get(back, headers=head, allow_redirects=False) as answer:
            assert answer.status >= 400
            assert (await answer.read()) not in to.cage
    assert "POST /login/oauth/access_token" in to.github.calls
