"""How long something waits for a forge, however often that is written down."""

from datetime import UTC, datetime, timedelta

from consumers.forges.waiting import PATIENCE, SAID, Wait, still_waits

BEGUN = datetime(2026, 1, 1, tzinfo=UTC)
CODE = "forge_refused"


def test_to_say_it_again_makes_it_wait_no_longer() -> None:
    """A forge that refuses us for ever is left alone in the end; why is said now and then."""
    wait, now, said = still_waits(None, CODE, BEGUN), BEGUN, 1
    while wait.lasts(now):
        now += timedelta(minutes=10)
        if wait.lasts(now) and not wait.says(CODE, now):
            wait, said = still_waits(wait, CODE, now), said + 1

    assert now - BEGUN == PATIENCE
    assert said == PATIENCE / SAID
    assert not wait.says("forge_unavailable", wait.said)


def test_what_comes_after_that_waits_anew() -> None:
    """A rerun of an old commit has a week of its own."""
    late = BEGUN + PATIENCE

    assert still_waits(Wait(BEGUN, CODE, BEGUN), CODE, late) == Wait(late, CODE, late)
