"""Waiting: what a forge could not be told is told once it can be, by how things stand then.

That something waits is in the log. So no event has to, of however many commits, and what one forge
keeps waiting is in nobody else's way.
"""

import asyncio
import random
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

import msgspec
import structlog

from consumers.forges import instruments
from consumers.forges.doors import Doors
from schemas.errors import PushlineError

EVERY: Final = 5.0  # seconds between two looks
PATIENCE: Final = timedelta(days=7)  # for which something waits
SAID: Final = timedelta(hours=6)  # after which it is written down anew

log = structlog.get_logger(__name__)


class Wait(msgspec.Struct, frozen=True):
    """That something waits, as the log has it."""

    since: datetime
    code: str  # why, as it was written down last
    said: datetime  # when it was

    def lasts(self, now: datetime) -> bool:
        """Tell whether it is still to be told."""
        return now - self.since < PATIENCE

    def says(self, code: str, now: datetime) -> bool:
        """Tell whether nothing has to be written down: this very reason was, lately."""
        return self.code == code and now - self.said < SAID


def still_waits(before: Wait | None, code: str, at: datetime) -> Wait:
    """Return what waits once that is written down: still, or from now on."""
    goes_on = before is not None and before.lasts(at)
    return Wait(before.since if before and goes_on else at, code, at)


class Left(msgspec.Struct, frozen=True):
    """Something that waits."""

    account: str  # whose it is; of an account one thing is told at a time
    key: str  # of its row
    at: Any  # which one of that row


class Teller(Protocol):
    """What tells forges of things."""

    @property
    def durable(self) -> str:
        """Return its name."""
        ...

    @property
    def doors(self) -> Doors:
        """Return which doors are shut."""
        ...

    def left(self, forge: str) -> list[Left]:
        """Return all that waits for a forge."""
        ...

    async def tell(self, forge: str, left: Left) -> None:
        """Tell it now, if that is still to be done; what cannot be told goes on waiting."""
        ...


async def keep_told(
    teller: Teller, forges: Iterable[str], stopping: asyncio.Event, every: float = EVERY
) -> None:
    """Tell each forge by itself what waits for it, until told to stop."""
    async with asyncio.TaskGroup() as group:
        for forge in forges:
            group.create_task(_keep(teller, forge, stopping, every))
        await stopping.wait()


async def _keep(teller: Teller, forge: str, stopping: asyncio.Event, every: float) -> None:
    running: dict[str, asyncio.Task[None]] = {}
    try:
        while not stopping.is_set():
            left = teller.left(forge)
            instruments.untold.labels(teller.durable, forge).set(len(left))
            if left and teller.doors.is_open(forge):
                _start(teller, forge, left, running)
            try:
                async with asyncio.timeout(every):
                    await stopping.wait()
            except TimeoutError:
                continue
    finally:
        tasks = list(running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _start(
    teller: Teller, forge: str, left: list[Left], running: dict[str, asyncio.Task[None]]
) -> None:
    """Have each account told of what is its own, but for those that are being told."""
    random.shuffle(left)  # what never gets an answer must not be the one that asks for all
    for account in [account for account, task in running.items() if task.done()]:
        del running[account]
    accounts: dict[str, list[Left]] = {}
    for one in left:
        accounts.setdefault(one.account, []).append(one)
    for account, those in accounts.items():
        if account not in running:
            running[account] = asyncio.create_task(_told(teller, forge, those))


async def _told(teller: Teller, forge: str, those: list[Left]) -> None:
    for one in those:
        await asyncio.sleep(0)
        if not teller.doors.is_open(forge):
            return
        try:
            await teller.tell(forge, one)
        except PushlineError as error:
            log.info("left_waiting", consumer=teller.durable, about=str(one.at), why=error.code)
        except Exception:  # whatever it was, the others have to go on
            log.exception("not_told", consumer=teller.durable, about=str(one.at))
