"""What of a tenant's lines is kept a day, with a sink that may be away."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

import pytest

from bus import instruments
from bus.allowance import Allowance
from schemas.errors import LogUnavailable

END = f"pushline: this tenant's {10 / 2**20:g} MiB of log for 2026-01-31 (UTC) are used up: no more"


@dataclass
class Kept:
    """Keeps what it is given, unless it is away."""

    lines: list[tuple[str, str]] = field(default_factory=list)
    away: bool = False

    async def write(self, subject: str, lines: Sequence[str]) -> None:
        """Keep lines."""
        if self.away:
            raise LogUnavailable("away")
        self.lines += [(subject, line) for line in lines]

    def of(self, subject: str) -> list[str]:
        """Return the lines of one subject."""
        return [line for name, line in self.lines if name == subject]


@dataclass
class Calendar:
    """Says which day it is."""

    day: int = 31

    def __call__(self) -> date:
        """Return it."""
        return date(2026, 1, self.day) if self.day <= 31 else date(2026, 2, self.day - 31)


async def test_beyond_the_allowance_one_line_says_so() -> None:
    """Each log of the tenant says it once and goes on no more; another tenant's does."""
    kept, allowance = Kept(), Allowance(10, today=Calendar())
    before = instruments.cut._value.get()  # noqa: SLF001 - the library offers no other way

    await allowance.write(kept, "alice", "a", ["1234", "5678", "9"])
    await allowance.write(kept, "alice", "a", ["x"])
    await allowance.write(kept, "alice", "b", ["y"])
    await allowance.write(kept, "bob", "c", ["z"])

    assert kept.of("a") == ["1234", "5678", END]
    assert kept.of("b") == [END]
    assert kept.of("c") == ["z"]
    assert instruments.cut._value.get() == before + 6  # noqa: SLF001


async def test_tomorrow_there_is_more() -> None:
    """A day begins at midnight, UTC."""
    today = Calendar()
    kept, allowance = Kept(), Allowance(10, today=today)
    await allowance.write(kept, "alice", "a", ["0123456789"])
    today.day += 1
    await allowance.write(kept, "alice", "a", ["new"])

    assert kept.of("a") == [END, "new"]


async def test_what_was_not_stored_does_not_count() -> None:
    """While the log is away lines are tried again; they are counted as they are stored."""
    kept, allowance = Kept(away=True), Allowance(10, today=Calendar())
    for _ in range(5):
        with pytest.raises(LogUnavailable):
            await allowance.write(kept, "alice", "a", ["1234"])
    kept.away = False
    await allowance.write(kept, "alice", "a", ["1234"])

    assert kept.of("a") == ["1234"]


async def test_without_a_limit_all_is_kept() -> None:
    """Nothing is counted, nothing is remembered."""
    kept, allowance = Kept(), Allowance(0)
    await allowance.write(kept, "alice", "a", ["x" * 1000] * 100)

    assert len(kept.lines) == 100
