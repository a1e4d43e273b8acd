"""A log, intake, and a comparison with a played forge. Nothing arrives unless it is told to."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from bus.connection import Bus
from bus.fold import Fold
from bus.jetstream import JetStream
from consumers.customers.consumer import record
from consumers.customers.listing import parse
from consumers.forges import customers
from consumers.forges.customers import Admitted
from consumers.forges.installs import Installs
from consumers.intake.branches import Branch
from consumers.intake.consumer import Intake
from consumers.intake.consumer import fold as branches_fold
from consumers.recovery.consumer import Done, Pace, Recovery
from consumers.recovery.finding import Findings
from consumers.recovery.forge import Forge, Lists
from consumers.recovery.known import Known
from schemas.events import Event
from schemas.ids import tag_of
from tests.heavy.forges.github.sending import Sent as AtGitHub
from tests.heavy.forges.gitlab.sending import Sent as AtGitLab

NOBODY = "http://127.0.0.1:9/"  # where a forge's webhooks find nobody
AT_ONCE = Pace(settle=0.0, gap=0.0)


@dataclass
class Place:
    """One process's part of it; ``handled`` deliveries were taken by intake."""

    bus: Bus
    known: Known = field(default_factory=Known.kept)
    listed: Fold[Admitted] = field(default_factory=lambda: customers.fold("customers"))
    branches: Fold[Branch] = field(default_factory=branches_fold)
    handled: int = 0

    def __post_init__(self) -> None:
        """Make intake."""
        self.intake = Intake(self.bus.log, self.branches, self.listed)
        self.stopping = asyncio.Event()

    def asked(self, forge: str, installs: Installs) -> None:
        """Let intake ask a forge whether projects are installed."""
        self.intake = replace(self.intake, installs={forge: installs})

    def recovery(
        self, forge: Forge, lists: Lists | None = None, findings: Findings | None = None
    ) -> Recovery:
        """Return what compares a forge."""
        return Recovery(
            forge,
            lists,
            events=self.bus.log,
            findings=findings or Findings(forge.name, self.bus.log, self.bus.deliveries),
            known=self.known,
            customers=self.listed,
            caught_up=self._caught_up,
            born=datetime.fromisoformat(self.bus.born),
            pace=AT_ONCE,
        )

    async def _caught_up(self) -> bool:
        await self.take()
        return True

    async def admit(self, text: str) -> None:
        """Let accounts in."""
        await record(self.bus.log, self.listed, parse(text))

    async def arrive(self, *sent: AtGitHub | AtGitLab) -> None:
        """Let webhooks arrive, and be taken."""
        for each in sent:
            headers = {name.lower(): value for name, value in each.headers.items()}
            forge = "github" if "x-github-event" in headers else "gitlab"
            id = headers["x-github-delivery" if forge == "github" else "idempotency-key"]
            await self.bus.deliveries.store(forge, id, headers, each.body)
        await self.take()

    async def take(self) -> list[str]:
        """Take all deliveries that are stored; return what was recorded by that."""
        since = await self.bus.log.head()
        info = await self.js.info("DELIVERIES")
        assert info is not None
        for seq in range(self.handled + 1, int(info["state"]["last_seq"]) + 1):
            await self.intake.handle(await self.bus.deliveries.get(seq))
            self.handled = seq
        return [line async for line in self.told(since)]

    async def compare(self, recovery: Recovery) -> tuple[Done, list[str]]:
        """Compare once, and let intake take what was found; return what was recorded."""
        since = await self.bus.log.head()
        done = await recovery.once(self.stopping)
        await self.take()
        return done, [line async for line in self.told(since)]

    @property
    def js(self) -> JetStream:
        """Return the server's API."""
        return self.bus.js

    async def told(self, since: int = 0) -> AsyncIterator[str]:
        """Yield what was recorded of projects and accounts since, a word and a name each."""
        events = self.bus.follow.events(after=since, until=await self.bus.log.head())
        async for event in events:
            if event.of.kind in ("branch", "pull", "project", "tenant", "delivery"):
                word = tag_of(event.fact).partition("/")[0]
                yield f"{word} {_shown(event.of.id, event.fact)}".strip()

    async def facts(self, *kinds: type[Event]) -> list[Any]:
        """Return the facts of these kinds, with their envelopes."""
        events = self.bus.follow.events(after=0, until=await self.bus.log.head())
        return [event async for event in events if isinstance(event.fact, kinds)]


def _shown(id: str, fact: Event) -> str:
    sha = str(getattr(fact, "after", getattr(fact, "sha", "")))
    return f"{id} {sha[:7]}".strip()


def only(lines: Iterable[str], *words: str) -> list[str]:
    """Return the lines that begin with one of the words."""
    return [line for line in lines if line.startswith(words)]


@asynccontextmanager
async def placed(bus: Bus) -> AsyncIterator[Place]:
    """Yield a place whose folds follow the log."""
    place = Place(bus)
    folds: tuple[Fold[Any], ...] = (*place.known.all(), place.listed, place.branches)
    tasks = [asyncio.create_task(fold.run(bus.follow)) for fold in folds]
    yield place
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
