"""Many pushes to many projects of both forges in bad weather, and whether all came out well."""

import asyncio
import contextlib
import random
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

import aiohttp

from tests.heavy.forges import verdict
from tests.heavy.forges.sides import Pushed, Side, opened_sides
from tests.laptop import Laptop, laptop

TENANTS: Final = 3  # on each forge
SETTINGS: Final = {"PUSHLINE_CUSTOMERS": "*", "PUSHLINE_RECONCILE_MINUTES": "1"}
PRODUCTION: Final = "pushline/production"


@dataclass
class Rush:
    """Its projects, and what was found wrong in the end."""

    here: Laptop
    sides: Sequence[Side]
    random: random.Random
    projects: list[tuple[Side, Pushed]] = field(default_factory=list)
    facts: Counter[str] = field(default_factory=Counter)
    began: float = 0.0
    seconds: dict[str, float] = field(default_factory=dict)  # until then, since the first push

    def settle(self, projects: int) -> None:
        """Make the projects, in turn at each forge."""
        for number in range(projects):
            side = self.sides[number % len(self.sides)]
            owner = f"{side.forge}-{number % TENANTS}"
            self.projects.append((side, side.project(owner, f"shop{number}")))

    async def push(self, pushes: int, *, lost: float, kills: int = 0) -> None:
        """Push versions here and there, each project once at least; then the weather ends.

        Killed in between, Pushline comes back, and is then limited by the forges.
        """
        for side in self.sides:
            side.storm(lost)
        self.began = time.monotonic()
        killing = {pushes * (number + 1) // (kills + 1) for number in range(kills)}
        wanted = [*self.projects, *self.random.choices(self.projects, k=pushes)][:pushes]
        self.random.shuffle(wanted)
        for number, (side, project) in enumerate(wanted):
            if number in killing:
                await asyncio.to_thread(self._killed)
            await asyncio.to_thread(side.push, project, f"version {number} of {project.name}")
            await asyncio.sleep(self.random.choice((0.0, 0.0, 0.05, 0.2)))
        self._reached("pushed")
        for side in self.sides:
            await side.calm()

    async def live(self, patience: float) -> list[str]:
        """Wait until each project's newest version answers; return those that do not."""
        until = time.monotonic() + patience
        left = list(self.projects)
        async with aiohttp.ClientSession() as session:
            while left and time.monotonic() < until:
                left = [one for one in left if not await self._answers(session, one[1])]
                await asyncio.sleep(0.2)
        self._reached("live")
        return [
            f"{side.forge} {one.owner}/{one.name} is not at {one.heads[-1]}" for side, one in left
        ]

    async def told(self, patience: float) -> list[str]:
        """Wait until the forges show what is true; return where they do not."""
        until = time.monotonic() + patience
        while True:
            log, self.facts = await verdict.of_log(self.here.home)
            wrong = [*log.going, *self._untrue(log)]
            if not wrong or time.monotonic() > until:
                break
            await asyncio.sleep(0.5)
        self._reached("told")
        return wrong + log.doubled + [text for side in self.sides for text in side.complaints]

    def _killed(self) -> None:
        port = self.here.port
        self.here.kill()
        self.here.start(port)
        for side in self.sides:
            side.limit()

    async def _answers(self, session: aiohttp.ClientSession, project: Pushed) -> bool:
        label = project.owner.lower()
        headers = {"Host": f"{label}.localhost:{self.here.port}"}
        url = f"http://127.0.0.1:{self.here.port}/{project.name}/"
        with contextlib.suppress(aiohttp.ClientError):
            async with session.get(url, headers=headers) as answer:
                return (answer.status, await answer.text()) == (200, project.heads[-1][1])
        return False

    def _untrue(self, log: verdict.Told) -> Iterable[str]:
        """Yield what forges show of commits that is not so, or more than once."""
        wanted = log.wanted()
        for side, project in self.projects:
            for sha, text in project.heads:
                shown = side.shown(project, sha)
                where = f"{side.forge} {project.owner}/{project.name} {sha[:7]} ({text})"
                stack, functions = wanted.get((side.forge, project.id, sha), ("", {}))
                should = {PRODUCTION: stack} if stack else {}
                should |= {f"{PRODUCTION}/{name}": state for name, state in functions.items()}
                runs = log.runs_of(side.forge, project.id, sha)
                for context, state in should.items():
                    said = shown.get(context, [])
                    again = max(Counter(said).values(), default=0)  # GitLab keeps what was before
                    if said[-1:] != [side.words[state]] or again > max(runs, 1):
                        yield f"{where} {context}: {said}, and it is {state}"
                for context in shown.keys() - should.keys():
                    ended = functions or stack in ("cancelled", "failure")
                    if not ended or shown[context][-1] == side.words["success"]:
                        yield f"{where} {context}: {shown[context]}, of which nobody knows"

    def _reached(self, what: str) -> None:
        self.seconds[what] = round(time.monotonic() - self.began, 1)


class Plan(NamedTuple):
    """How much is pushed, and how bad the weather is."""

    projects: int
    pushes: int
    seed: int
    lost: float = 0.0  # share of the webhooks that never come: the reconciler finds them
    patience: float = 60.0  # seconds until all is live, and again until all is told
    kills: int = 0  # of all of Pushline, meanwhile


async def rushed(folder: Path, plan: Plan) -> tuple[Rush, list[str]]:
    """Return a rush that is over, and what was wrong in the end; the seed is printed."""
    sys.stdout.write(f"{plan.pushes} pushes, {plan.projects} projects: PUSHLINE_SEED={plan.seed}\n")
    with ExitStack() as stack:
        sides = [stack.enter_context(opened) for opened in opened_sides(folder, plan.seed)]
        settings = SETTINGS | {
            name: value for side in sides for name, value in side.settings().items()
        }
        here = stack.enter_context(laptop(folder, settings))
        for side in sides:
            side.listen(here.port)
        rush = Rush(here, sides, random.Random(plan.seed))
        rush.settle(plan.projects)
        await rush.push(plan.pushes, lost=plan.lost, kills=plan.kills)
        wrong = await rush.live(plan.patience)
        return rush, wrong + await rush.told(plan.patience)
