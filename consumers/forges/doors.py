"""Doors: where a forge gives no answer one asks for all, seldomer and seldomer.

Behind one door is what a forge lets us do together: an installation of GitHub's App, a project of
GitLab. A door that stays shut says nothing of the others; where several do, the forge is down,
and its front door shuts, too. Whoever comes after a pause is let through alone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from consumers.forges.asking import ForgeUnavailable
from schemas.errors import Retry

FIRST: Final = timedelta(seconds=2)  # each pause is twice the one before
LONGEST: Final = timedelta(minutes=3)  # of pauses that the forge did not ask for
ALONE: Final = timedelta(minutes=2)  # in which whoever tries has come back
SEVERAL: Final = 3  # doors without an answer in a row: the forge is down


@dataclass(slots=True)
class _Door:
    why: Retry
    until: datetime
    pause: timedelta
    tried: bool = False  # somebody asks at this moment


class Doors:
    """Which doors are shut; for one process, shared between its tasks."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        """Know of none that is shut."""
        self._clock = clock
        self._shut: dict[str, _Door] = {}
        self._silent: dict[str, set[str]] = {}  # forge → doors, since it answered last

    def is_open(self, forge: str) -> bool:
        """Tell whether a forge may be asked at all."""
        door = self._shut.get(forge)
        return door is None or door.until <= self._clock()

    def enter(self, forge: str, door: str) -> None:
        """Go on and ask, or raise why not; whoever enters says what came of it."""
        now = self._clock()
        shut = [self._shut[name] for name in (forge, door) if name in self._shut]
        for each in shut:
            if now < each.until:
                raise type(each.why)(each.why.message, hint=each.why.hint)
        for each in shut:
            each.until, each.tried = now + ALONE, True

    def answered(self, forge: str, door: str) -> None:
        """Say that there was an answer: nothing is shut."""
        self._silent.pop(forge, None)
        for name in (forge, door):
            self._shut.pop(name, None)

    def silent(self, forge: str, door: str, error: ForgeUnavailable) -> None:
        """Say that there was none. What limits one installation says nothing of the forge."""
        self._close(door, error, timedelta(seconds=error.after))
        if error.after:
            self._tried(forge)
            return
        silent = self._silent.setdefault(forge, set())
        silent.add(door)
        if len(silent) >= SEVERAL:
            self._close(forge, error)
        else:
            self._tried(forge)

    def refused(self, forge: str, door: str, why: Retry, pause: timedelta) -> None:
        """Say that there was an answer, and that it was no."""
        self.answered(forge, door)
        self._shut[door] = _Door(why, self._clock() + pause, pause)

    def _close(self, name: str, why: Retry, asked: timedelta = timedelta(0)) -> None:
        """Shut a door for longer than before; of those who asked at once the first counts."""
        now, old = self._clock(), self._shut.get(name)
        if old is not None and now < old.until and not old.tried and now + asked <= old.until:
            return
        pause = max(min(old.pause * 2, LONGEST) if old else FIRST, asked)
        self._shut[name] = _Door(why, now + pause, pause)

    def _tried(self, name: str) -> None:
        """Let the next try: this one has come back with nothing that is about this door."""
        if (old := self._shut.get(name)) is not None and old.tried:
            old.until, old.tried = self._clock(), False
