"""A whole Pushline for browsers: three providers, and a tenant with functions open and closed."""

import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from playwright.sync_api import Page

from tests.heavy.identity.authority import Authority
from tests.heavy.identity.github import PlayedGitHub
from tests.heavy.identity.gitlab import PlayedGitLab
from tests.heavy.identity.oidc import PlayedIssuer
from tests.heavy.identity.played import playing
from tests.laptop import Laptop, laptop, repository

POLICIES: Final = {"echo": "public", "signed": "signed-in", "members": "members", "evil": "public"}
ECHO: Final = """\
import json

def handle(event, context):
    seen = {"path": event.path, "headers": dict(event.headers)}
    return {"statusCode": 200, "headers": {"Content-Type": "text/plain"}, "body": json.dumps(seen)}
"""
EVIL: Final = """\
def handle(event, context):
    target = event.query["to"]
    form = f'<form method=post action="{target}"><input name=everywhere value=yes></form>'
    frame = f'<iframe src="{target}"></iframe><p>framed'
    page = form + "<script>document.forms[0].submit()</script>" if "post" in event.path else frame
    return {"statusCode": 200, "headers": {"Content-Type": "text/html"}, "body": page}
"""


@dataclass(frozen=True)
class Town:
    """What runs."""

    here: Laptop
    github: PlayedGitHub
    gitlab: PlayedGitLab
    issuer: PlayedIssuer

    @property
    def providers(self) -> dict[str, Authority]:
        """Return the providers by our names of them."""
        return {"github": self.github, "gitlab": self.gitlab, "oidc": self.issuer}

    def system(self, path: str) -> str:
        """Return a URL at our own host."""
        return f"http://system.localhost:{self.here.port}{path}"

    def function(self, path: str) -> str:
        """Return a URL at the tenant's host."""
        return f"http://alice.localhost:{self.here.port}{path}"

    def sign_in(self, page: Page, provider: str, login: str, path: str = "/session") -> None:
        """Sign in as somebody, by clicks, and end at a path of our own host."""
        page.goto(self.system(f"/login?r={quote(path, safe='')}"))
        self.approve(page, provider, login)
        page.wait_for_url(self.system(path))

    def approve(self, page: Page, provider: str, login: str) -> None:
        """On the sign-in page: choose the provider, and approve there."""
        titles = {"github": "GitHub", "gitlab": "GitLab", "oidc": "SSO"}
        page.get_by_role("link", name=f"Sign in with {titles[provider]}").click()
        page.get_by_role("link", name=f"Approve as {login}").click()


@contextmanager
def town(folder: Path) -> Iterator[Town]:
    """Start all of it."""
    with ExitStack() as stack:
        github = stack.enter_context(playing(PlayedGitHub()))
        gitlab = stack.enter_context(playing(PlayedGitLab()))
        issuer = stack.enter_context(playing(PlayedIssuer()))
        named = {"GITHUB": github, "GITLAB": gitlab, "OIDC": issuer}
        environment = {"PUSHLINE_GITHUB_URL": github.url, "PUSHLINE_GITLAB_URL": gitlab.url}
        environment |= {"PUSHLINE_OIDC_ISSUER": issuer.url, "PUSHLINE_OPERATORS": "github:Root"}
        for name, played in named.items():
            client = played.client(f"pushline-{name}")
            environment[f"PUSHLINE_{name}_CLIENT_ID"] = client.id
            environment[f"PUSHLINE_{name}_CLIENT_SECRET"] = client.secret
        here = stack.enter_context(laptop(folder, environment))
        found = Town(here, github, gitlab, issuer)
        for name, played in found.providers.items():
            back = found.system(f"/login/callback/{name}")
            played.clients = {
                id: replace(one, redirects=(back,)) for id, one in played.clients.items()
            }
            played.account(7, "alice")
            played.account(8, "mallory")
            played.account(9, "Root")
        issuer.accounts["alice"].groups["local/alice:member"] = ""
        here.push(functions(folder / "work", *POLICIES))
        yield found


def functions(work: Path, *names: str) -> Path:
    """Return a repository of these functions."""
    files = {f"{name}/handler.py": EVIL if name == "evil" else ECHO for name in names}
    return repository(work, files, _stack(names))


def _stack(names: Iterable[str]) -> str:
    functions: dict[str, Any] = {
        name: {
            "lang": "python3-http",
            "handler": f"./{name}",
            "image": name,
            "annotations": {"com.pushline.route.policy": POLICIES[name]},
        }
        for name in names
    }
    provider = {"name": "openfaas"}
    return json.dumps({"version": "1.0", "provider": provider, "functions": functions})
