"""GitLab's rate limits: heard from its headers, waited for where they are soon over.

See https://docs.gitlab.com/administration/settings/user_and_ip_rate_limits.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from consumers.forges.asking import Answer, ForgeUnavailable

SOON: Final = 5.0  # seconds that a caller is kept waiting
UNSAID: Final = 60.0  # seconds, where a 429 does not say how long; GitLab counts by the minute
LONGEST: Final = 3600.0  # seconds; whoever says more is asked again after these


class Limits:
    """Until when GitLab would answer nothing but 429."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Know of none; ``clock`` is in seconds since 1970, as GitLab's is."""
        self._clock = clock
        self._until = 0.0

    async def wait(self) -> None:
        """Return when GitLab may be asked; ForgeUnavailable when that is not soon."""
        while (left := self._until - self._clock()) > 0:  # a sleep may be too short by now
            if left > SOON:
                raise self._limited(left)
            await asyncio.sleep(left)

    def heard(self, answer: Answer) -> None:
        """Learn from an answer's headers; ForgeUnavailable for one that is itself a refusal."""
        now = self._clock()
        if answer.status == 429:
            left = min(_said(answer, now) or UNSAID, LONGEST)
            self._until = max(self._until, now + left)
            raise self._limited(left)
        if answer.headers.get("ratelimit-remaining") == "0":
            self._until = max(self._until, now + min(_reset(answer, now), LONGEST))

    def _limited(self, left: float) -> ForgeUnavailable:
        until = datetime.fromtimestamp(self._until, UTC)
        return ForgeUnavailable(
            f"GitLab takes no more requests of us until {until:%H:%M:%S} UTC",
            hint="it goes on by itself; an administrator can raise the limit of this user",
            after=left,
        )


def _said(answer: Answer, now: float) -> float:
    """Return the seconds that a 429 asks for, 0 for none."""
    after = answer.headers.get("retry-after", "")
    return float(after) if after.isdigit() else _reset(answer, now)


def _reset(answer: Answer, now: float) -> float:
    reset = answer.headers.get("ratelimit-reset", "")
    return max(float(reset) - now, 0.0) if reset.isdigit() else 0.0
