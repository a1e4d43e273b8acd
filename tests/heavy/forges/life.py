"""A pull request's life at a played forge, with a real Pushline: what people see, and when."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp

from tests.heavy.forges.sides import GitHubSide, GitLabSide, Pushed, Side, files
from tests.laptop import Laptop

PATIENCE: Final = 60.0


class AtGitHub:
    """What people do at GitHub."""

    def __init__(self, side: GitHubSide) -> None:
        """Do it there."""
        self._side, self._world = side, side.world

    def push(self, project: Any, branch: str, text: str) -> None:
        """Push a version to a branch."""
        self._world.push(project, branch, _stack(text))

    def fork(self, project: Any, text: str) -> Any:
        """Fork a project, and push a version to a branch of the fork."""
        made = self._world.fork(project, "mallory/shop")
        self._world.push(made, "topic", _stack(text))
        return made

    def open(self, project: Any, source: Any) -> Any:
        """Open a pull request of the branch ``topic`` of a project or its fork."""
        return self._world.open_pull(project, "topic", head=source)

    def merge(self, project: Any, pull: Any) -> None:
        """Merge it."""
        self._world.merge(project, pull)

    def close(self, project: Any, pull: Any) -> None:
        """Close it unmerged."""
        self._world.close(project, pull)

    def approve(self, project: Any, sha: str) -> bool:
        """Press the button under the check of a commit that waits, once it is there."""
        checks: Any = self._side.played.areas["Checks"]
        for run in (run for runs in checks.of(project, sha).values() for run in runs):
            if any(action["identifier"] == "approve" for action in run.fields.get("actions", ())):
                self._world.press(project, checks.shown(run), "approve")
                return True
        return False

    def comments(self, project: Any, number: int) -> list[list[str]]:
        """Return our comments, each with all its texts."""
        area: Any = self._side.played.areas["Comments"]
        return [each.said for each in area.of(project, number)]


class AtGitLab:
    """What people do at GitLab."""

    def __init__(self, side: GitLabSide) -> None:
        """Do it there, as alice and mallory."""
        self._side, self._world = side, side.world
        self._mallory = side.world.user("mallory")

    def push(self, project: Any, branch: str, text: str) -> None:
        """Push a version to a branch."""
        self._world.push(project, branch, _stack(text), by=self._side.alice)

    def fork(self, project: Any, text: str) -> Any:
        """Fork a project, and push a version to a branch of the fork."""
        made = self._world.fork(project, "mallory/shop", by=self._mallory)
        self._world.push(made, "topic", _stack(text), by=self._mallory)
        return made

    def open(self, project: Any, source: Any) -> Any:
        """Open a merge request of the branch ``topic`` of a project or its fork."""
        own = source is None or source is project
        by = self._side.alice if own else self._mallory
        return self._world.open_merge(source or project, "topic", project, "main", by=by)

    def merge(self, project: Any, pull: Any) -> None:  # noqa: ARG002 - the shape of all forges
        """Merge it."""
        self._world.merge(pull, by=self._side.alice)

    def close(self, project: Any, pull: Any) -> None:  # noqa: ARG002 - the shape of all forges
        """Close it unmerged."""
        self._world.close(pull, by=self._side.alice)

    def comments(self, project: Any, number: int) -> list[list[str]]:
        """Return our notes, each with all its texts."""
        area: Any = self._side.played.areas["Comments"]
        return [each.said for each in area.of(project, number, by=self._side.pushline)]


@dataclass
class Life:
    """Two pull requests of one project: a member's, and a stranger's."""

    here: Laptop
    side: Side
    lines: list[tuple[float, str]] = field(default_factory=list)  # seconds, and what was seen
    began: float = field(default_factory=time.monotonic)

    async def lived(self) -> None:
        """Live both; raises AssertionError at what does not come."""
        people = AtGitHub(self.side) if isinstance(self.side, GitHubSide) else _gitlab(self.side)
        pushed = self.side.project(f"{self.side.forge}-octo", "shop")
        people.push(pushed.handle, "main", "main")
        await self._answers(pushed, "production", "main")
        await self._member(people, pushed)
        await self._stranger(people, pushed)
        assert not self.side.complaints, self.side.complaints

    async def _member(self, people: AtGitHub | AtGitLab, pushed: Pushed) -> None:
        project = pushed.handle
        people.push(project, "topic", "topic, first")
        pull = people.open(project, None)
        self._note("opened by a member")
        await self._answers(pushed, "pr-1", "topic, first")
        await self._said(people, project, 1, "is live")
        people.push(project, "topic", "topic, again")
        self._note("pushed again")
        await self._answers(pushed, "pr-1", "topic, again")
        await self._pushline("promote", "pr-1", "--project", f"{pushed.owner}/{pushed.name}")
        await self._answers(pushed, "production", "topic, again")
        people.merge(project, pull)
        self._note("merged")
        await self._answers(pushed, "pr-1", None)
        await self._said(people, project, 1, "**Preview removed**: this was merged.")
        await self._answers(pushed, "production", "topic, again")

    async def _stranger(self, people: AtGitHub | AtGitLab, pushed: Pushed) -> None:
        project = pushed.handle
        fork = people.fork(project, "from a fork")
        pull = people.open(project, fork)
        self._note("opened by a stranger")
        await self._said(people, project, 2, "A member has to approve this commit")
        await self._approved(people, pushed, fork.branches["topic"])
        await self._answers(pushed, "pr-2", "from a fork")
        await self._said(people, project, 2, "is live")
        people.close(project, pull)
        self._note("closed")
        await self._answers(pushed, "pr-2", None)
        await self._said(people, project, 2, "**Preview removed**: this was closed.")

    async def _approved(self, people: AtGitHub | AtGitLab, pushed: Pushed, sha: str) -> None:
        """Approve a commit, at GitHub by its button."""
        if isinstance(people, AtGitHub):

            async def pressed() -> bool:
                return people.approve(pushed.handle, sha)

            await _until(pressed, lambda: f"a button under {sha}")
            self._note("Approve was pressed")
            return
        name = f"{pushed.owner}/{pushed.name}"
        await self._pushline("run", "approve", name, "2", sha)

    async def _pushline(self, *arguments: str) -> None:
        self._note(f"pushline {' '.join(arguments)}")
        await asyncio.to_thread(self.here.pushline, *arguments)

    async def _answers(self, pushed: Pushed, environment: str, text: str | None) -> None:
        """Wait until an environment answers with a text, or is gone."""
        label = pushed.owner if environment == "production" else f"{environment}--{pushed.owner}"
        url = f"http://127.0.0.1:{self.here.port}/{pushed.name}/"
        headers = {"Host": f"{label}.localhost:{self.here.port}"}
        said: tuple[int, str] = (0, "")
        async with aiohttp.ClientSession() as session:

            async def there() -> bool:
                nonlocal said
                with contextlib.suppress(aiohttp.ClientError):
                    async with session.get(url, headers=headers) as answer:
                        said = answer.status, await answer.text()
                return said == (200, text) if text is not None else said[0] == 404

            await _until(there, lambda: f"{label}: {text!r}, and it is {said}")
        self._note(f"{label} answers {text!r}" if text is not None else f"{label} is gone")

    async def _said(self, people: Any, project: Any, number: int, text: str) -> None:
        """Wait until our one comment says a text."""

        async def there() -> bool:
            found = people.comments(project, number)
            return len(found) == 1 and text in found[0][-1]

        await _until(there, lambda: f"{text!r} in {people.comments(project, number)}")
        first = people.comments(project, number)[0][-1].split("\n\n")[1].strip()
        self._note(f"the comment says: {first}")

    def _note(self, what: str) -> None:
        self.lines.append((round(time.monotonic() - self.began, 2), f"{self.side.forge}: {what}"))


async def _until(there: Any, what: Callable[[], str]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not await there():
        assert time.monotonic() < deadline, f"waited {PATIENCE:g} s for {what()}"
        await asyncio.sleep(0.02)


def _gitlab(side: Side) -> AtGitLab:
    assert isinstance(side, GitLabSide)
    return AtGitLab(side)


def _stack(text: str) -> dict[str, str]:
    found = files("shop", text)
    return found | {"stack.yml": found["stack.yml"] + "previews: {pull_requests: true}\n"}
