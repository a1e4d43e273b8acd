"""What GitHub tells of a button that was pressed: whose it was to press, and which runs it means.

https://docs.github.com/rest/collaborators/collaborators#get-repository-permissions-for-a-user
https://docs.github.com/rest/checks/runs#list-check-runs-in-a-check-suite
"""

from typing import Final
from urllib.parse import quote

import msgspec

from consumers.forges.asking import ForgeRefused
from consumers.forges.checks import parse
from consumers.forges.github.api import Api
from consumers.forges.github.presses import run_asked
from consumers.forges.meaning import Ignored, Pressed, Statement
from schemas.envelope import Aggregate
from schemas.events.pull import PullApproved
from schemas.events.run import RunRerunRequested

MAY: Final = frozenset({"admin", "write"})  # maintainers are ``write`` here
REASON: Final = "approved at GitHub"


class _Permission(msgspec.Struct):
    permission: str = "none"


class _Check(msgspec.Struct):
    external_id: str | None = None


class _Checks(msgspec.Struct):
    check_runs: list[_Check]


class GitHubButtons:
    """Asks as the installation that the button was pressed at."""

    def __init__(self, api: Api) -> None:
        """Ask by ``api``."""
        self._api = api

    async def meant(self, pressed: Pressed) -> Ignored | tuple[Statement, ...]:
        """Return what a button asks for, or why it is not done; raises ForgeUnavailable."""
        if not pressed.installation:
            return Ignored("the button is of no installation of the App")
        try:
            return await (self._approved(pressed) if pressed.pull else self._runs(pressed))
        except ForgeRefused as error:
            return Ignored(f"{error.message} ({error.hint})")

    async def _approved(self, pressed: Pressed) -> Ignored | tuple[Statement, ...]:
        """Return the approval, if this is a person who may push."""
        path = f"{_of(pressed)}/collaborators/{quote(pressed.who, safe='')}/permission"
        answer = await self._api.request("GET", path, installation=pressed.installation)
        has = answer.read(_Permission).permission if answer.status == 200 else "none"
        if has not in MAY:
            return Ignored(
                f"{pressed.who} may not approve: of {pressed.name} they have {has}, which takes "
                "write"
            )
        of = Aggregate(pressed.of.forge, pressed.of.project, "pull", str(pressed.pull))
        fact = PullApproved(pressed.pull, pressed.sha, REASON)
        return (Statement(of, fact, name=pressed.name),)

    async def _runs(self, pressed: Pressed) -> Ignored | tuple[Statement, ...]:
        """Return that each run which a suite's checks tell of is wanted again."""
        path, runs = f"{_of(pressed)}/check-suites/{pressed.suite}/check-runs", set()
        async for page in self._api.pages(path, installation=pressed.installation):
            if page.status != 200:
                return Ignored(f"GitHub shows no checks of suite {pressed.suite}: {page.status}")
            checks = [parse(each.external_id or "") for each in page.read(_Checks).check_runs]
            runs |= {check.run for check in checks if check is not None and check.run}
        if not runs:
            return Ignored("none of the commit's checks tells of a run")
        of, fact = pressed.of, RunRerunRequested()
        return tuple(
            run_asked(of.forge, of.project, run, fact, pressed.name) for run in sorted(runs)
        )


def _of(pressed: Pressed) -> str:
    owner, _, name = pressed.name.partition("/")
    return f"/repos/{quote(owner, safe='')}/{quote(name, safe='')}"
