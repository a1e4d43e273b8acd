"""GitHub's API: that it believes the App, that its owner gave it what we need, and who has yet to.

https://docs.github.com/rest/apps/apps
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from itertools import islice
from typing import Final

import msgspec

from consumers.forges.github.api import Api
from consumers.forges.github.app import app_of
from edge.cli.doctor.finding import Check, Outcome, Subject, fail, off, ok, warn
from edge.cli.settings import Settings
from edge.cli.variables import variable

LEVELS: Final = {"": 0, "read": 1, "write": 2, "admin": 3}
NEEDED: Final = {"metadata": "read", "contents": "read", "pull_requests": "write"}
EVENTS: Final = ("push", "pull_request", "repository")  # to be ticked; others come by themselves
NAMED: Final = 5  # accounts


class App(msgspec.Struct, frozen=True):
    """The App, as its owner has set it up."""

    permissions: Mapping[str, str] = {}
    events: tuple[str, ...] = ()


class Account(msgspec.Struct, frozen=True):
    """Whose an installation is."""

    login: str = ""


class Installation(msgspec.Struct, frozen=True):
    """The App at one account, which accepts each new permission by itself."""

    account: Account | None = None
    permissions: Mapping[str, str] = {}
    suspended_at: str | None = None

    @property
    def name(self) -> str:
        """Return the account."""
        return self.account.login if self.account else "?"


async def app(subject: Subject) -> Outcome:
    """Compare the App with what it is used for."""
    chosen = subject.chosen
    if not chosen.github_app_id or not chosen.github_app_key:
        return _without(chosen)
    api = Api(app_of(chosen.github_app_id, chosen.github_app_key, chosen.github_url))
    try:
        return await _compared(chosen, api)
    finally:
        await api.close()


async def _compared(chosen: Settings, api: Api) -> Outcome:
    answer = await api.request("GET", "/app")
    if answer.status != 200:
        return fail(
            f"GitHub knows no App {chosen.github_app_id} with this key: {answer.status}",
            f"copy the App's id to {variable('github_app_id')} from its page",
        )
    found, needed = answer.read(App), _needed(chosen)
    lacks = [f"the permission {name}" for name in _missing(needed, found.permissions)]
    lacks += [f"the event {name}" for name in EVENTS if name not in found.events]
    if lacks:
        return fail(
            f"the App lacks {', '.join(lacks)}",
            "tick that on the App's page (Permissions & events); each owner then accepts it",
        )
    installed = [one async for one in _installations(api)]
    if behind := [each.name for each in installed if any(_missing(needed, each.permissions))]:
        return warn(
            f"{_some(behind)} did not accept the App's newest permissions",
            "they find the request in their settings, under Installed GitHub Apps",
        )
    if suspended := [each.name for each in installed if each.suspended_at is not None]:
        return warn(
            f"{_some(suspended)} suspended the App: nothing is built there, what runs stays",
            "they unsuspend it in their settings, under Installed GitHub Apps",
        )
    return ok(f"GitHub believes the App, which has what it needs at {len(installed)} accounts")


async def _installations(api: Api) -> AsyncIterator[Installation]:
    async for page in api.pages("/app/installations"):
        for one in page.read(list[Installation]):
            yield one


def _needed(chosen: Settings) -> dict[str, str]:
    told = "checks" if chosen.github_checks else "statuses"
    return {**NEEDED, told: "write"}


def _missing(needed: Mapping[str, str], given: Mapping[str, str]) -> Iterator[str]:
    for name, level in needed.items():
        if LEVELS.get(given.get(name, ""), 0) < LEVELS[level]:
            yield f"{name}: {level}"


def _some(names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(islice(names, NAMED)) + more


def _without(chosen: Settings) -> Outcome:
    if not chosen.github_webhook_secret:
        return off(f"GitHub is not asked: {variable('github_app_id')}")
    return warn(
        "webhooks of GitHub are taken, and its API cannot be asked: private repositories cannot "
        "be cloned, nothing is reported there, and what is not delivered is lost",
        f"make a GitHub App; set {variable('github_app_id')} and {variable('github_app_key')}",
    )


CHECKS: Final = (Check("github", app, 25, f"compare {variable('github_url')} with a browser's"),)
