"""When GitHub may be asked again: its limits, as each answer tells of them.

Who goes on asking while limited may be banned, so nothing is sent before its time.
https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api
"""

from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Final

from consumers.forges.asking import ForgeUnavailable
from consumers.forges.github.answers import Raw

MINUTE: Final = 60.0  # where GitHub does not say how long
LONGEST: Final = 3600.0  # its own windows are of an hour


class Limits:
    """Where we stand with each installation; the App itself is ``""``."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Know of no limit yet."""
        self._clock = clock
        self._until: dict[str, float] = {}
        self._row: dict[str, int] = {}  # refusals that did not say how long, one after the other

    def check(self, who: str) -> None:
        """Raise ForgeUnavailable while ``who`` may not ask."""
        until = self._until.get(who, 0.0)
        if until <= self._clock():
            self._until.pop(who, None)
            return
        raise ForgeUnavailable(
            f"GitHub wants no request of {_named(who)} for {until - self._clock():.0f} s more",
            hint="it is asked again by itself",
            after=until - self._clock(),
        )

    def learn(self, who: str, answer: Raw) -> None:
        """Take over what an answer tells of limits; raises ForgeUnavailable for a refusal."""
        limited = is_limited(answer)
        wait = self._wait(who, answer, limited=limited)
        if wait > 0:
            self._until[who] = self._clock() + wait
        if limited:
            self.check(who)
        elif answer.status < 400:
            self._row.pop(who, None)

    def _wait(self, who: str, answer: Raw, *, limited: bool) -> float:
        """Return the seconds for which nothing is to be asked, 0 for none."""
        after = answer.headers.get("retry-after", "")
        if answer.status >= 400 and after.isdigit():
            return min(float(after), LONGEST)
        reset = answer.headers.get("x-ratelimit-reset", "")
        if answer.headers.get("x-ratelimit-remaining") == "0" and reset.isdigit():
            return min(max(float(reset) - server_time(answer, self._clock()), 1.0), LONGEST)
        if not limited:
            return 0.0
        row = self._row[who] = self._row.get(who, 0) + 1
        return min(MINUTE * 2.0 ** (row - 1), LONGEST)


def is_limited(answer: Raw) -> bool:
    """Tell whether this is a refusal of too many requests, not of this one."""
    if answer.status == 429:
        return True
    headers = answer.headers
    return answer.status == 403 and (
        "retry-after" in headers
        or headers.get("x-ratelimit-remaining") == "0"
        or "rate limit" in answer.says.lower()
    )


def server_time(answer: Raw, ours: float) -> float:
    """Return GitHub's clock, by which it says when a window ends."""
    try:
        return parsedate_to_datetime(answer.headers.get("date", "")).timestamp()
    except ValueError:
        return ours


def _named(who: str) -> str:
    return f"installation {who}" if who else "the App"
