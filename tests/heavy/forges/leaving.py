"""Somebody leaves with all that they have, while their forge is down; what goes, and when."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
import msgspec

from tests.heavy.forges.sides import GitHubSide, GitLabSide, Pushed, Side
from tests.laptop import Laptop

PATIENCE: Final = 180.0  # seconds; a silent forge is asked again ever less often
DOWN: Final = 5.0  # seconds for which the forge is down after it has told
BAD_GATEWAY: Final = 502


@dataclass
class Leaving:
    """One project of many functions, and how it goes."""

    here: Laptop
    side: Side
    functions: int
    lines: list[tuple[float, str]] = field(default_factory=list)  # seconds, and what was seen
    removed_early: int = 0  # while the forge was down
    seconds: float = 0.0  # from the end of its outage until the last function was gone
    began: float = field(default_factory=time.monotonic)

    async def left(self) -> None:
        """Push, leave, and be gone; raises AssertionError at what does not come."""
        pushed = self.side.project(f"{self.side.forge}-leaver", "many")
        names = [f"f{number}" for number in range(self.functions)]
        self._push(pushed, names)
        await self._until(lambda: self._answering(pushed, names, self.functions), "all are live")
        before = (await self._facts(pushed))["function.removed/1"]
        self._leave(pushed)
        await asyncio.sleep(DOWN)
        facts = await self._facts(pushed)
        self.removed_early = facts["function.removed/1"] - before
        planned = facts["collection.planned/1"]
        assert await self._answering(pushed, names, self.functions)
        self._note(f"the forge is down: {planned} are to go, {self.removed_early} went, all answer")
        self._doors.down = 0
        came_back = time.monotonic()
        self._note("the forge answers again, and confirms it")
        await self._until(lambda: self._answering(pushed, names, 0), "none answers any more")
        self.seconds = round(time.monotonic() - came_back, 2)
        facts = await self._facts(pushed)
        self._note(f"{facts['function.removed/1']} x function.removed in the log")
        assert facts["function.removed/1"] == self.functions, facts
        assert not self.side.complaints, self.side.complaints

    @property
    def _doors(self) -> Any:
        assert isinstance(self.side, GitHubSide | GitLabSide)
        return self.side.played.doors

    def _push(self, pushed: Pushed, names: list[str]) -> None:
        stack = "version: 1.0\nprovider: {name: openfaas}\nfunctions:\n"
        stack += "".join(f"  {name}: {{lang: static, handler: ./{name}}}\n" for name in names)
        files = {"stack.yml": stack} | {f"{name}/index.html": name for name in names}
        if isinstance(self.side, GitHubSide):
            self.side.world.push(pushed.handle, "main", files)
        elif isinstance(self.side, GitLabSide):
            self.side.world.push(pushed.handle, "main", files, by=self.side.alice)
        self._note(f"{len(names)} functions pushed")

    def _leave(self, pushed: Pushed) -> None:
        """Uninstall the App, or destroy the project; then the forge goes down."""
        if isinstance(self.side, GitHubSide):
            self.side.world.uninstall(self.side.installed.pop(pushed.owner))
            self._note("the account has uninstalled the App")
        elif isinstance(self.side, GitLabSide):
            self.side.world.destroy(pushed.handle)
            self._note("the project was destroyed")
        self._doors.down = BAD_GATEWAY

    async def _answering(self, pushed: Pushed, names: list[str], wanted: int) -> bool:
        """Tell whether so many functions answer."""
        headers = {"Host": f"{pushed.owner}.localhost:{self.here.port}"}
        found = 0
        async with aiohttp.ClientSession() as session:
            for name in names:
                url = f"http://127.0.0.1:{self.here.port}/{name}/"
                with contextlib.suppress(aiohttp.ClientError):
                    async with session.get(url, headers=headers) as answer:
                        found += (answer.status, await answer.text()) == (200, name)
        return found == wanted

    async def _facts(self, pushed: Pushed) -> Counter[str]:
        """Return how many of each kind the log has of the project."""
        events = await asyncio.to_thread(self.here.events)
        return Counter(each["type"] for each in events if each.get("project") == pushed.id)

    async def _until(self, there: Callable[[], Awaitable[bool]], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not await there():
            assert time.monotonic() < deadline, f"waited {PATIENCE:g} s until {what}"
            await asyncio.sleep(0.1)
        self._note(what)

    def _note(self, what: str) -> None:
        self.lines.append((round(time.monotonic() - self.began, 2), f"{self.side.forge}: {what}"))


def audited(here: Laptop) -> str:
    """Return what is found when the record of all that happened is verified."""
    return here.pushline("audit", "verify").strip().splitlines()[-1]


def to_be_collected(here: Laptop) -> Counter[str]:
    """Return how many artefacts of each kind nobody needs any more."""
    lines = here.pushline("collect", "--dry-run", "--json").splitlines()
    rows = [msgspec.json.decode(line, type=dict[str, Any]) for line in lines]
    return Counter(str(row["kind"]) for row in rows)
