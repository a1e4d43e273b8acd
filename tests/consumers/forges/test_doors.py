"""Doors of a forge that is down, limits us or refuses us, on a clock that is set."""

from datetime import UTC, datetime, timedelta

import pytest

from consumers.forges.asking import ForgeUnavailable
from consumers.forges.doors import LONGEST, SEVERAL, Doors
from schemas.errors import Retry

HUB = "github"
DOORS = [f"github {number}" for number in range(20)]


class Hall:
    """Doors, and who comes to them."""

    def __init__(self) -> None:
        """Begin at some moment."""
        self.now = datetime(2026, 11, 25, tzinfo=UTC)
        self.doors = Doors(lambda: self.now)

    def come(self, door: str, after: float = 0, *, down: bool = True) -> bool:
        """Come to a door of a forge that is down, or is not; return whether it was asked."""
        try:
            self.doors.enter(HUB, door)
        except Retry:
            return False
        if down:
            self.doors.silent(HUB, door, ForgeUnavailable("502", after=after))
        else:
            self.doors.answered(HUB, door)
        return True

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)


def test_of_all_who_come_to_a_forge_that_is_down_few_ask() -> None:
    """Some to learn it, then one at a time, seldomer and seldomer; all once it is back."""
    hall, asked = Hall(), 0
    for _ in range(3600):
        asked += sum(hall.come(door) for door in DOORS)
        hall.wait(1)
    assert SEVERAL < asked < SEVERAL + 30
    hall.wait(LONGEST.total_seconds())

    assert hall.come(DOORS[7], down=False)
    hall.wait(LONGEST.total_seconds())
    assert all(hall.come(door, down=False) for door in DOORS)


def test_one_is_let_through_and_the_others_wait_for_it() -> None:
    """A forge that hangs is not asked by all at once whenever a pause is over."""
    hall = Hall()
    for door in DOORS[:SEVERAL]:
        hall.come(door)
    hall.wait(LONGEST.total_seconds())
    hall.doors.enter(HUB, DOORS[0])

    assert not hall.come(DOORS[9])
    hall.doors.answered(HUB, DOORS[0])
    assert hall.come(DOORS[9])


def test_a_repository_without_an_answer_says_nothing_of_the_others() -> None:
    """However often it fails, and however few others there are."""
    hall = Hall()
    for _ in range(100):
        hall.come(DOORS[0])
        hall.wait(60)

    assert hall.doors.is_open(HUB)
    assert hall.come(DOORS[1], down=False)


def test_whoever_is_limited_waits_as_long_as_was_said() -> None:
    """The others do not."""
    hall = Hall()
    for door in DOORS[:10]:
        hall.come(door, after=900)
    hall.wait(890)
    assert not hall.come(DOORS[0])
    assert hall.come(DOORS[11], down=False)
    hall.wait(11)

    assert hall.come(DOORS[0], down=False)


def test_a_refusal_is_told_to_all_who_come() -> None:
    """With its reason and cure, until its pause is over; it is an answer, too."""
    hall = Hall()
    for door in DOORS[:SEVERAL]:
        hall.come(door)
    hall.wait(LONGEST.total_seconds())
    why = Retry("we may not", hint="grant it")
    hall.doors.enter(HUB, DOORS[0])
    hall.doors.refused(HUB, DOORS[0], why, timedelta(minutes=10))

    assert hall.doors.is_open(HUB)
    with pytest.raises(Retry, match="grant it"):
        hall.doors.enter(HUB, DOORS[0])
    hall.wait(601)
    assert hall.come(DOORS[0], down=False)


def test_those_who_asked_at_the_same_time_count_as_one() -> None:
    """A hundred requests that fail together do not shut a door for long."""
    hall = Hall()
    for _ in range(100):
        hall.doors.enter(HUB, DOORS[0])
    for _ in range(100):
        hall.doors.silent(HUB, DOORS[0], ForgeUnavailable("502"))
    hall.wait(2)

    assert hall.come(DOORS[0])
