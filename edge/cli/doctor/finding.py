"""What a check is, and what it finds."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import msgspec

from bus.settings import BusSettings
from edge.cli.home import Endpoint
from edge.cli.settings import Settings
from edge.cli.variables import secrets_of
from schemas.errors import PushlineError

State = Literal["ok", "warn", "fail", "off"]
SECONDS: Final = 15.0  # for one check, unless it says otherwise; the log takes 10 to be given up


class Outcome(msgspec.Struct, frozen=True):
    """What a check found: in one sentence, and the cure where something is wrong."""

    state: State
    says: str
    cure: str = ""


def ok(says: str) -> Outcome:
    """Return that all is well."""
    return Outcome("ok", says)


def warn(says: str, cure: str) -> Outcome:
    """Return that it works, and should be looked at."""
    return Outcome("warn", says, cure)


def fail(says: str, cure: str) -> Outcome:
    """Return that it does not work."""
    return Outcome("fail", says, cure)


def off(says: str) -> Outcome:
    """Return that there is nothing to be tried: not configured, or not to be had without."""
    return Outcome("off", says)


class Finding(msgspec.Struct, frozen=True):
    """A line of the report; its shape is relied on by whoever reads --json."""

    check: str
    state: State
    says: str
    cure: str
    ms: int


@dataclass(frozen=True, slots=True)
class Subject:
    """What is looked at."""

    chosen: Settings
    home: Path
    roles: Mapping[str, BusSettings]  # who we can be at the log; none: no log is known
    at: Endpoint | None = None  # where the edge is met

    @property
    def reader(self) -> BusSettings | None:
        """Return who may look at streams and consumers."""
        return self.roles.get("platform") or next(iter(self.roles.values()), None)

    def bare(self, text: str) -> str:
        """Return a text of others without any secret of ours, whoever wrote it there."""
        known = [*secrets_of(self.chosen), *(bus.password for bus in self.roles.values())]
        for secret in known:
            text = text.replace(secret, "***") if secret else text
        return text


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that is tried."""

    name: str
    attempt: Callable[[Subject], Awaitable[Outcome]]
    seconds: float = SECONDS
    cure: str = "see whether it runs and is reached"  # where nobody knows a better one

    async def run(self, subject: Subject) -> Finding:
        """Try it, within its time; whatever happens is a finding."""
        begun = time.monotonic()
        try:
            async with asyncio.timeout(self.seconds):
                outcome = await self.attempt(subject)
        except PushlineError as error:
            outcome = fail(error.message, error.hint or self.cure)
        except TimeoutError:
            outcome = fail(f"no answer within {self.seconds:g} s", self.cure)
        except Exception as error:  # noqa: BLE001 - the other checks have to be told as well
            outcome = fail(f"{type(error).__name__}: {error}", self.cure)
        took = round((time.monotonic() - begun) * 1000)
        says, cure = subject.bare(outcome.says), subject.bare(outcome.cure)
        return Finding(self.name, outcome.state, says, cure, took)
