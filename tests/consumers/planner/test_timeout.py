"""Runs that do not end: the timer says so, the planner decides."""

from datetime import timedelta

import msgspec

from schemas.events.run import RunFinished, RunQueued
from schemas.events.timer import TimerFired
from tests.consumers.planner.office import Office


async def test_a_run_whose_time_is_over_has_failed(desk: Office) -> None:
    """It says how long it took; a second firing, and one of a run that has ended, add nothing."""
    await desk.push("1", 0, 1)
    (run,) = await desk.facts(RunQueued)
    fact = TimerFired("run-timeout", run.of.id, run.time + timedelta(hours=25))
    of = msgspec.structs.replace(run.of, kind="timer", id=f"run-timeout/{run.of.id}")

    await desk.write(fact, of)
    await desk.plan()
    await desk.write(fact, of)
    await desk.plan()

    (end,) = await desk.facts(RunFinished)
    assert end.fact == RunFinished("failed", "timed out after 25 h")
    assert end.of == run.of


async def test_a_function_s_firing_ends_no_run(desk: Office) -> None:
    """Whatever it is about: it is not the planner's."""
    await desk.push("1", 0, 1)
    (run,) = await desk.facts(RunQueued)
    fact = TimerFired("cron-function", run.of.id, run.time)
    await desk.write(fact, msgspec.structs.replace(run.of, kind="timer", id="cron-function/x"))

    await desk.plan()

    assert await desk.facts(RunFinished) == []
