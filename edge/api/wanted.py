"""What of the log somebody wants to see: by project, actor, kind and time."""

import fnmatch
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Final

import msgspec

from schemas.errors import PushlineError

UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
MOST: Final = 20  # kinds, projects or actors of one question


class WantedInvalid(PushlineError):
    """A filter of events is written in another way; the message names it."""

    code = "filter_invalid"
    status: ClassVar = 400


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A filter; what is empty takes everything."""

    projects: tuple[str, ...] = ()  # owner/name, or the forge's own id
    actors: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()  # as run.*, run.built
    since: datetime | None = None
    until: datetime | None = None

    def takes(
        self, *, kind: str, actor: str, names: tuple[str, ...], time: datetime | None
    ) -> bool:
        """Tell whether something of this ``kind`` is wanted; ``names``: its project's."""
        if self.kinds and not any(fnmatch.fnmatchcase(kind, one) for one in self.kinds):
            return False
        if self.actors and actor not in self.actors:
            return False
        if self.projects and not any(name in self.projects for name in names if name):
            return False
        if time is None:
            return self.since is None and self.until is None
        return (self.since is None or time >= self.since) and (
            self.until is None or time <= self.until
        )

    @property
    def narrow(self) -> bool:
        """Tell whether anything is asked for."""
        return self != Wanted()


def wanted(
    *, project: str = "", actor: str = "", kind: str = "", since: str = "", until: str = ""
) -> Wanted:
    """Return the filter that words ask for, several between commas; WantedInvalid names one."""
    now = datetime.now(UTC)
    found = Wanted(
        projects=_words("project", project),
        actors=_words("actor", actor),
        kinds=_words("kind", kind),
        since=_moment("since", since, now),
        until=_moment("until", until, now),
    )
    if found.since and found.until and found.since > found.until:
        raise WantedInvalid("since is later than until: nothing is between them")
    return found


def _words(name: str, text: str) -> tuple[str, ...]:
    words = tuple(word.strip() for word in text.split(",") if word.strip())
    if len(words) > MOST:
        raise WantedInvalid(f"{name}: at most {MOST} at once, not {len(words)}")
    return words


def _moment(name: str, text: str, now: datetime) -> datetime | None:
    """Return ``10m`` ago, or the time written with its zone."""
    if not text:
        return None
    number, unit = text[:-1], text[-1]
    try:
        if number.isdecimal() and unit in UNITS:
            return now - timedelta(**{UNITS[unit]: int(number)})
        found = datetime.fromisoformat(text)
        if found.tzinfo is None:
            raise ValueError
    except (ValueError, OverflowError):
        raise WantedInvalid(
            f"{name}: {text[:40]!r} is no time",
            hint="write how long ago, as 45s, 10m, 2h, 3d, or a time with its zone, as "
            "2026-03-01T12:00:00Z",
        ) from None
    return found
