"""Cron expressions: five fields, as crontab(5) and the OpenFaaS cron connector read them.

A day that both day fields restrict fits when either does. Times are wall-clock times of a zone:
one that the clock jumps over comes an hour later; of an hour that comes twice the first counts,
unless every hour is meant.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from schemas.errors import PushlineError

DAYS: Final = 8 * 366 + 1  # from one 29th of February to the next, over a century's end
MOST: Final = timedelta(hours=2)  # that a clock is ever set back, and some more

MACROS: Final = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_MONTHS: Final = (
    "jan",
    "feb",
    "mar",
    "apr",
    "may",
    "jun",
    "jul",
    "aug",
    "sep",
    "oct",
    "nov",
    "dec",
)
_DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


class CronInvalid(PushlineError):
    """A cron expression cannot be read, or never comes; the message names the field."""

    code = "cron_invalid"


class _Field(NamedTuple):
    name: str
    least: int
    most: int
    names: tuple[str, ...] = ()


_FIELDS: Final = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of the week", 0, 7, _DAYS),
)


class Cron(NamedTuple):
    """When something is due."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]  # 0: Sunday
    either: bool  # a day fits by its number or by its weekday
    zone: ZoneInfo

    def next(self, after: datetime) -> datetime:
        """Return the first moment that is later than ``after``, in UTC; CronInvalid for never."""
        local = after.astimezone(self.zone)
        for number in range(-1, DAYS):  # the day before: its last hour may come again
            day = local.date() + timedelta(days=number)
            if self._fits(day) and (found := self._on(day, after)) is not None:
                return found
        raise CronInvalid("it never comes: no month has such a day", hint="choose a day that is")

    def _fits(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        by_number, by_weekday = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return (by_number or by_weekday) if self.either else (by_number and by_weekday)

    def _on(self, day: date, after: datetime) -> datetime | None:
        """Return the first moment of a day that is later than ``after``."""
        best: datetime | None = None
        bound = after.astimezone(self.zone).replace(tzinfo=None) - MOST
        for wall in self._walls(day):
            if wall < bound:
                continue
            for fold in (0, 1) if len(self.hours) == 24 else (0,):
                moment = wall.replace(tzinfo=self.zone, fold=fold).astimezone(UTC)
                if moment > after and (best is None or moment < best):
                    best, bound = moment, wall
            if best is not None and wall > bound + MOST:
                break
        return best

    def _walls(self, day: date) -> Iterator[datetime]:
        for hour in self.hours:
            for minute in self.minutes:
                yield datetime.combine(day, time(hour, minute))


def parse(text: str, zone: str = "") -> Cron:
    """Return what an expression means, in a zone (UTC); CronInvalid names what is wrong."""
    text = " ".join(text.split())
    prefix, _, rest = text.partition(" ")
    name, _, value = prefix.partition("=")
    if name in ("TZ", "CRON_TZ"):  # how the cron connector's parser takes it
        text, zone = rest, zone or value
    if text.startswith("@every"):
        raise CronInvalid(f"{text}: a span of time is no moment", hint="write */5 * * * *")
    words = MACROS.get(text.lower(), text).split()
    if len(words) != len(_FIELDS):
        raise CronInvalid(
            f"{text!r} has {len(words)} fields, not 5",
            hint="minute, hour, day of the month, month, day of the week: */5 * * * *",
        )
    minutes, hours, days, months, weekdays = (
        _values(word, field) for word, field in zip(words, _FIELDS, strict=True)
    )
    found = Cron(
        tuple(sorted(minutes)),
        tuple(sorted(hours)),
        frozenset(days),
        frozenset(months),
        frozenset(day % 7 for day in weekdays),
        not (words[2].startswith(("*", "?")) or words[4].startswith(("*", "?"))),
        _zone(zone),
    )
    found.next(datetime(2000, 1, 1, tzinfo=UTC))  # that it comes at all
    return found


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise CronInvalid(
            f"there is no time zone {name[:60]!r}", hint="such as Europe/Berlin"
        ) from error


def _values(word: str, field: _Field) -> set[int]:
    """Return what one field allows."""
    found: set[int] = set()
    for part in word.lower().split(","):
        span, slash, step = part.partition("/")
        first, dash, last = span.partition("-")
        if span in ("*", "?"):
            low, high = field.least, field.most
        else:
            low = _number(first, field)
            high = _number(last, field) if dash else field.most if slash else low
        if low > high:
            raise CronInvalid(
                f"{field.name}: {part} begins after it ends", hint=f"write {low}-{field.most},…"
            )
        if slash and (not step.isdecimal() or not int(step)):
            raise CronInvalid(f"{field.name}: {part} has no step", hint="such as */5")
        found.update(range(low, high + 1, int(step) if slash else 1))
    return found


def _number(text: str, field: _Field) -> int:
    if text in field.names:
        return field.names.index(text) + (field.least if field.names is _MONTHS else 0)
    if not (text.isascii() and text.isdecimal()) or not field.least <= int(text) <= field.most:
        raise CronInvalid(
            f"{field.name}: {text[:20] or '(nothing)'} is not from {field.least} to {field.most}",
            hint="such as *, 5, 1-5, */10 or 1,15",
        )
    return int(text)
