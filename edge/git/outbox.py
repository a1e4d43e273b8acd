"""What the log has to hear of the refs: told after each push, and again until it has heard.

A ref and its delivery's number are written together, so nothing that moved is ever forgotten:
whatever this process has not seen stored is compared with the log and delivered with the very
number it had. Twice is harmless, DELIVERIES keeps an id once.
"""

import asyncio
from pathlib import Path
from typing import Final, Protocol

import msgspec
import structlog

from bus.blocking import run_blocking
from edge.git.repository import Repository, repositories
from edge.git.state import LocalPush
from schemas.envelope import Aggregate, Recorded
from schemas.errors import LogUnavailable
from schemas.events.branch import BranchDeleted, BranchPushed
from schemas.ids import ZERO_SHA

log = structlog.get_logger(__name__)

FORGE: Final = "local"
HEADERS: Final = {"content-type": "application/json"}
PAUSES: Final = (0.5, 1.0, 2.0, 5.0, 10.0)  # seconds between attempts, the last one for ever


class Deliveries(Protocol):
    """DELIVERIES, as far as it is needed here."""

    async def store(self, forge: str, id: str, headers: dict[str, str], body: bytes, /) -> int:
        """Store once, raise LogUnavailable."""
        ...


class Heads(Protocol):
    """EVENTS, as far as it is needed here."""

    async def last(
        self, of: Aggregate, *facts: type[BranchPushed | BranchDeleted]
    ) -> Recorded[BranchPushed | BranchDeleted] | None:
        """Return the newest of these facts about ``of``."""
        ...


class Outbox:
    """Delivers what moved; shared between tasks."""

    def __init__(self, deliveries: Deliveries, log: Heads) -> None:
        """Deliver to ``deliveries``; ``log`` says what has been heard."""
        self._deliveries = deliveries
        self._log = log
        self._heard: dict[str, set[int]] = {}  # project → numbers that need no second look
        self._later: dict[str, asyncio.Task[None]] = {}  # project → attempts under way

    async def deliver(self, project: str, number: int, push: LocalPush) -> str:
        """Store one delivery and return its id; raises LogUnavailable: perhaps stored."""
        id = f"{project}:{number}"
        await self._deliveries.store(FORGE, id, HEADERS, msgspec.json.encode(push))
        self._heard.setdefault(project, set()).add(number)
        return id

    async def reconcile(self, repository: Repository) -> int:
        """Deliver what the log has not heard of one repository; return how many that were."""
        state = await run_blocking(repository.read)
        heard = self._heard.setdefault(repository.project, set())
        moved = [r for r in (state.refs.values() if state else ()) if r.push]
        heard &= {ref.number for ref in moved}
        count = 0
        for ref in sorted(moved, key=lambda ref: ref.number):
            if ref.push is None or ref.number in heard:
                continue
            if await self._head(repository.project, ref.push.branch) != ref.sha:
                await self.deliver(repository.project, ref.number, ref.push)
                log.info("push_redelivered", project=repository.project, number=ref.number)
                count += 1
            heard.add(ref.number)
        return count

    async def reconcile_all(self, root: Path) -> int:
        """Do so for every repository, at start; what fails is tried again in the background."""
        count = 0
        for repository in await run_blocking(repositories, root):
            try:
                count += await self.reconcile(repository)
            except LogUnavailable:
                self.later(repository)
        return count

    def later(self, repository: Repository) -> None:
        """Deliver in the background as soon as the log is back."""
        project = repository.project
        if project not in self._later:
            task = asyncio.create_task(self._persist(repository), name=f"outbox {project}")
            self._later[project] = task
            task.add_done_callback(lambda _: self._later.pop(project, None))

    async def close(self) -> None:
        """End what runs in the background; the next start goes on with it."""
        tasks = list(self._later.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _persist(self, repository: Repository) -> None:
        attempt = 0
        while True:
            await asyncio.sleep(PAUSES[min(attempt, len(PAUSES) - 1)])
            attempt += 1
            try:
                await self.reconcile(repository)
            except LogUnavailable:
                log.info("log_still_unavailable", project=repository.project, attempt=attempt)
            else:
                return

    async def _head(self, project: str, branch: str) -> str:
        """Return where the log believes the branch to be."""
        of = Aggregate(FORGE, project, "branch", branch)
        newest = await self._log.last(of, BranchPushed, BranchDeleted)
        if newest and isinstance(newest.fact, BranchPushed):
            return newest.fact.after
        return ZERO_SHA
