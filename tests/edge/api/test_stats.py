"""Lead time, failures and how soon they are mended, of runs as the API folds them."""

from datetime import timedelta

import msgspec

from edge.api import runs
from edge.api.dora import Day, measured, of
from edge.api.runs import Run
from edge.cli.stats import drawn
from schemas.events.run import RunFinished, RunRejected
from tests.consumers.metrics.story import SHA, START, Story

UNTIL = START + timedelta(days=10)


def told(*stories: Story) -> list[tuple[str, Run]]:
    """Return each run with its project's name."""
    rows: dict[str, Run | None] = {}
    for story in stories:
        for event in story.events:
            key = runs.key(event)
            assert key is not None
            rows[key] = runs.reduce(rows.get(key), event)
    return [(row.name, row) for row in rows.values() if row]


def ended(story: Story, cause: str, outcome: str, *, took: float, after: float = 1.0) -> None:
    """Add a run that takes so many seconds from its push to its end."""
    run = story.queued(cause, after=after)
    story.tell(RunFinished(outcome=outcome), "run", run, after=took - 1)  # type: ignore[arg-type]


def test_the_four_numbers() -> None:
    """How often, how fast, how many failed, and how soon it was mended."""
    story = Story()
    ended(story, "a", "live", took=10)
    ended(story, "b", "failed", took=5, after=3600)
    ended(story, "c", "partly", took=5, after=60)
    ended(story, "d", "live", took=20, after=95)
    ended(story, "e", "superseded", took=2)

    view = measured(told(story), UNTIL - timedelta(days=10), UNTIL, 9)

    assert view.seq == 9
    assert (view.total.live, view.total.failed, view.total.other) == (2, 2, 1)
    assert view.total.live_per_day == 0.2
    assert view.total.failure_share == 0.5
    assert (view.total.lead_p50_ms, view.total.lead_p90_ms) == (15_000, 20_000)
    assert view.total.restore_p50_ms == (60 + 4 + 95 + 19) * 1000  # from the first failure
    assert [each.project for each in view.projects] == ["alice/shop"]
    assert view.projects[0] == msgspec.structs.replace(view.total, project="alice/shop")


def test_a_pusher_s_mistake_is_no_failed_change() -> None:
    """A stack with errors never was to go live: it is told, and is in no rate."""
    story = Story()
    run = story.queued("a")
    story.tell(RunRejected(sha=SHA, problems=()), "run", run)

    view = measured(told(story), START, UNTIL, 1)

    assert (view.total.rejected, view.total.failure_share) == (1, None)
    assert (view.total.lead_p50_ms, view.total.last_live) == (None, None)


def test_projects_do_not_mend_each_other() -> None:
    """A failure is over when its own project's environment is live again."""
    broken, other = Story("1", "alice/shop"), Story("2", "bob/site")
    ended(broken, "a", "failed", took=5)
    ended(other, "b", "live", took=5, after=100)

    view = measured(told(broken, other), START, UNTIL, 1)

    assert [(each.project, each.live, each.failed) for each in view.projects] == [
        ("alice/shop", 0, 1),
        ("bob/site", 1, 0),
    ]
    assert view.total.restore_p50_ms is None


def test_only_what_ended_within_the_time_counts() -> None:
    """Runs that are open, or ended before, are in no number."""
    story = Story()
    ended(story, "a", "live", took=5)
    story.queued("b", after=86_400)

    assert measured(told(story), START, UNTIL, 1).total.live == 1
    assert measured(told(story), START + timedelta(hours=1), UNTIL, 1).total == of("", [], 10)


def test_each_day_has_its_row_also_without_a_run() -> None:
    """A chart needs the days on which nothing went live, too."""
    story = Story()
    ended(story, "a", "live", took=5)
    ended(story, "b", "failed", took=5, after=2 * 86_400)

    days = measured(told(story), START, START + timedelta(days=3), 1).days

    first = START.date()
    assert days == (
        Day(day=first, live=1),
        Day(day=first + timedelta(days=1)),
        Day(day=first + timedelta(days=2), failed=1),
        Day(day=first + timedelta(days=3)),
    )
    assert drawn(days) == "█   "
    assert drawn([Day(day=first)]) == " "
