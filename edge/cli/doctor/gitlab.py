"""GitLab's API: that it takes our token, that the token is enough, and that its webhooks go out."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import islice
from typing import Final

import msgspec

from consumers.forges.asking import ForgeRefused
from consumers.forges.gitlab.api import Api
from edge.cli.doctor.finding import Check, Outcome, Subject, fail, off, ok, warn
from edge.cli.settings import Settings
from edge.cli.variables import variable

SCOPE: Final = "api"
SOON: Final = timedelta(days=14)  # before a token ends
MOST: Final = 100  # projects whose webhooks are looked at
MAINTAINER: Final = "40"  # the role that sees webhooks
OURS: Final = "/gitlab-event"  # where webhooks lead


class Token(msgspec.Struct, frozen=True):
    """What GitLab says of the token that asks."""

    scopes: tuple[str, ...] = ()
    expires_at: date | None = None


class Project(msgspec.Struct, frozen=True):
    """A project of the list."""

    id: int
    path_with_namespace: str


class Hook(msgspec.Struct, frozen=True):
    """A webhook; older instances do not tell how it is, and system hooks are never disabled."""

    url: str
    push_events: bool = True
    alert_status: str = "executable"
    disabled_until: str | None = None


async def token(subject: Subject, api: Api) -> Outcome:
    """Ask what the token is good for."""
    answer = await api.request("GET", "/personal_access_tokens/self")
    if answer.status != 200:  # an OAuth application's, or an older instance
        await api.request("GET", "/user")
        return ok("GitLab takes the token")
    found = answer.read(Token)
    if SCOPE not in found.scopes:
        return fail(
            f"the token's scopes are {', '.join(found.scopes) or 'none'}: statuses need {SCOPE}",
            f"make one with the scope {SCOPE}, and set {variable('gitlab_token')}",
        )
    if found.expires_at and found.expires_at - datetime.now(UTC).date() < SOON:
        return warn(
            f"the token ends on {found.expires_at}: from then on nothing is reported or cloned",
            f"make another in time, and set {variable('gitlab_token')}",
        )
    tag = subject.chosen.gitlab_installation_tag
    which = f'projects with the topic "{tag}" are installed' if tag else "each project is installed"
    return ok(f"GitLab takes the token; {which}")


async def webhooks(subject: Subject, api: Api) -> Outcome:
    """Look for webhooks of ours that GitLab has put to rest, for they failed."""
    tag = subject.chosen.gitlab_installation_tag
    whole = await _system_hooks(api)
    if whole and not any(hook.push_events for hook in whole):
        return warn(
            "the system hook does not tell of pushes",
            "check `Push events` and `Merge request events` where it is set up",
        )
    resting, seen, projects = [], 0, await _projects(api, tag)
    for project in projects:
        for hook in await _hooks(api, f"/projects/{project.id}/hooks"):
            seen += 1
            if hook.alert_status != "executable":
                until = f" until {hook.disabled_until}" if hook.disabled_until else ""
                resting.append(f"{project.path_with_namespace} ({hook.alert_status}{until})")
    if resting:
        return warn(
            f"GitLab sends no webhooks of {', '.join(islice(resting, 5))}",
            "mend why they failed, then press Test where the project has its webhooks: that "
            "enables them; the reconciler sees pushes meanwhile",
        )
    if not whole and not seen:
        return warn(
            f"no webhook that this token sees leads to {OURS}, of {len(projects)} projects",
            "let an administrator make a system hook, or each project a webhook",
        )
    ours = "the system hook and " if whole else ""
    return ok(f"{ours}{seen} webhooks of {len(projects)} projects lead here, and none is disabled")


async def _projects(api: Api, tag: str) -> list[Project]:
    query = {"membership": "true", "min_access_level": MAINTAINER, "simple": "true"}
    query |= {"order_by": "id", "pagination": "keyset"} | ({"topic": tag} if tag else {})
    found: list[Project] = []
    async for page in api.pages("/projects", query=query):
        found += page.read(list[Project])
        if len(found) >= MOST:
            break
    return found[:MOST]


async def _system_hooks(api: Api) -> list[Hook]:
    """Return those of the whole instance, which administrators alone see."""
    try:
        return await _hooks(api, "/hooks")
    except ForgeRefused:
        return []


async def _hooks(api: Api, path: str) -> list[Hook]:
    answer = await api.request("GET", path)
    hooks = answer.read(list[Hook]) if answer.status == 200 else []
    return [hook for hook in hooks if hook.url.partition("?")[0].rstrip("/").endswith(OURS)]


async def _asked(
    attempt: Callable[[Subject, Api], Awaitable[Outcome]], subject: Subject
) -> Outcome:
    """Try something with a client, where there is a token."""
    chosen = subject.chosen
    if not chosen.gitlab_token:
        return _without(chosen)
    async with _api(chosen) as api:
        return await attempt(subject, api)


def _without(chosen: Settings) -> Outcome:
    name = variable("gitlab_token")
    if not chosen.gitlab_webhook_token and not chosen.gitlab_signing_token:
        return off(f"GitLab is not asked: {name}")
    return warn(
        "webhooks of GitLab are taken, and its API cannot be asked: any project whose webhook "
        "leads here is installed, private ones cannot be cloned, and nothing is reported there",
        f"set {name}: a token with the scope {SCOPE}",
    )


@asynccontextmanager
async def _api(chosen: Settings) -> AsyncIterator[Api]:
    api = Api(chosen.gitlab_url, chosen.gitlab_token)
    try:
        yield api
    finally:
        await api.close()


CHECKS: Final = tuple(
    Check(name, partial(_asked, attempt), 25, f"compare {variable('gitlab_url')} with a browser's")
    for name, attempt in (("gitlab", token), ("gitlab webhooks", webhooks))
)
