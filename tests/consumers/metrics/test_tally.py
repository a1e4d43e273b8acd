"""What became of runs, and how long it took, as pure folds."""

import functools
from datetime import timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from consumers.metrics import consumer, tally
from consumers.metrics.spread import BOUNDS, Spread, together
from consumers.metrics.tally import LEAD, Step, Tally
from schemas.events.function import FunctionDeployFailed
from schemas.events.run import (
    RunBuildFailed,
    RunDelayed,
    RunFinished,
    RunRejected,
    RunSuperseded,
)
from tests.consumers.metrics.story import SHA, START, Story


def told(story: Story) -> Tally:
    """Return the numbers of a story's project."""
    keys = {tally.key(event) for event in story.events}
    assert keys == {"github:1296269"}
    found = functools.reduce(tally.reduce, story.events, None)
    assert found is not None
    return found


def test_each_step_is_waited_for_then_worked_on() -> None:
    """A run that goes live leaves one time for each step, and its lead time from the push on."""
    story = Story()
    run = story.queued("push")
    story.built(run)
    story.deploying(run)
    story.deployed(run, after=2)
    story.tell(RunFinished(outcome="live"), "run", run)

    found = told(story)

    assert {name: spread.seconds for name, spread in found.spreads.items()} == {
        "working plan": 1.0,
        "working source": 1.0,
        "waiting build": 1.0,
        "working build": 1.0,
        "waiting deploy": 1.0,
        "working deploy": 2.0,
        LEAD: 8.0,
    }
    assert found.outcomes == {"live": 1}
    assert found.live == story.now
    assert (found.pushed, found.steps) == ({}, {})


def test_failures_are_counted_by_step_and_code() -> None:
    """What source, builder and deployer say is counted where it was; the lead is of live runs."""
    story = Story()
    rejected = story.queued("a")
    story.tell(RunRejected(sha=SHA, problems=()), "run", rejected)
    story.tell(RunFinished(outcome="rejected"), "run", rejected)
    broken = story.queued("b")
    story.tell(RunBuildFailed(function="f", code="build_failed", message=""), "run", broken)
    story.tell(RunFinished(outcome="failed"), "run", broken)
    unready = story.queued("c")
    story.built(unready)
    failed = FunctionDeployFailed(
        run=unready, generation=1, revision="r", code="deploy_failed", message=""
    )
    story.tell(failed, "function", "production/hello")
    story.tell(RunFinished(outcome="failed"), "run", unready)

    found = told(story)

    assert found.failures == {
        "source stack_invalid": 1,
        "build build_failed": 1,
        "deploy deploy_failed": 1,
    }
    assert found.outcomes == {"rejected": 1, "failed": 2}
    assert LEAD not in found.spreads


def test_what_is_open_says_where_it_is() -> None:
    """A run that waits for a builder's place is seen with its age, and why it is delayed."""
    story = Story()
    run = story.queued("push")
    story.built(run)
    delayed = RunDelayed(step="deployer", code="platform_unavailable", message="")
    story.tell(delayed, "run", run)

    found = told(story)

    assert found.steps[run] == {"hello": Step("deploy", START + timedelta(seconds=4))}
    assert found.delays == {"deployer platform_unavailable": 1}


def test_what_comes_after_a_run_s_end_counts_no_more() -> None:
    """A build that ends after its run was superseded, and an old revision deployed again."""
    story = Story()
    run = story.queued("push")
    story.tell(RunSuperseded(by="x"), "run", run)
    before = told(story)
    story.built(run)
    story.deployed(run)

    assert told(story) == before
    assert before.outcomes == {"superseded": 1}


async def test_a_fold_of_it_is_restored_from_its_snapshot(tmp_path: Path) -> None:
    """A process that starts anew goes on counting, runs that are open then among them."""
    story = Story()
    story.built(story.queued("push"))
    before, after = consumer.fold(tmp_path), consumer.fold(tmp_path)
    before.apply(story.events)
    await before.save()

    after.load()

    assert after.rows == before.rows
    assert after.rows["github:1296269"].pushed


@given(st.lists(st.floats(-1, 1e5), max_size=30))
def test_spreads_add_up(times: list[float]) -> None:
    """Taken apart and put together, each time is in the bucket of the first bound above it."""
    whole = functools.reduce(Spread.also, times, Spread())
    apart = together(Spread().also(time) for time in times)

    assert whole.counts == apart.counts
    for bound, (_, count) in zip(BOUNDS, whole.buckets, strict=False):
        assert count == sum(time <= bound for time in times)
    assert whole.buckets[-1] == ("+Inf", float(len(times)))
