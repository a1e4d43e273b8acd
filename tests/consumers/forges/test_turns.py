"""When writes go out to GitHub."""

from consumers.forges.github.api import Pace
from consumers.forges.github.turns import Turns

MINUTE, MOST = 60.0, 80  # writes a minute that GitHub takes


def test_a_few_at_once_then_one_a_gap() -> None:
    """Whoever comes first does not wait; a pause is saved up, and no more than that."""
    turns = Turns(gap=1.0, burst=3)

    assert [turns.take(100.0) for _ in range(5)] == [0.0, 0.0, 0.0, 1.0, 2.0]
    assert turns.take(103.0) == 0.0
    assert [turns.take(1000.0) for _ in range(4)] == [0.0, 0.0, 0.0, 1.0]


def test_each_by_itself() -> None:
    """Without a burst none follows another at once; without a gap all do."""
    single, free = Turns(1.0, 1), Turns(0.0, 1)

    assert [single.take(0.0) for _ in range(3)] == [0.0, 1.0, 2.0]
    assert [free.take(5.0) for _ in range(3)] == [0.0, 0.0, 0.0]


def test_a_flood_stays_below_what_github_takes_a_minute() -> None:
    """As the client is set up."""
    turns, sent, now = Turns(Pace().gap, Pace().burst), 0, 0.0
    while now <= MINUTE:
        now += turns.take(now)
        sent += now <= MINUTE

    assert MINUTE < sent <= MOST
