"""Reports: medians of ratios within a round, and goals that are met or not."""

import json

import pytest

from tests.bench.load import Measured
from tests.bench.report import OURS, Goal, Report, as_json, goals, ratio, table


def measured(rate: float, p99: float = 1.0) -> Measured:
    """Return a round."""
    return Measured(rate, 20.0, 0.5, p99, 1.0, 40.0, 0)


CASE = {
    OURS: [measured(100), measured(10), measured(30)],
    "peer": [measured(50), measured(10), measured(10)],
}


def test_ratios_are_taken_within_a_round() -> None:
    """A slow minute slows both: the median of the ratios, not the ratio of the medians."""
    assert ratio(CASE, "peer", lambda one: one.rate) == 2.0
    assert ratio(CASE, "nobody", lambda one: one.rate) is None
    assert ratio(None, "peer", lambda one: one.rate) is None


def test_a_table_has_a_row_for_each_server() -> None:
    """Ours stands first and has no ratio to itself; columns are aligned."""
    head, rule, ours, peer = table("32 connections", CASE)

    assert len({len(line) for line in (head, rule, ours, peer)}) == 1
    assert ours.split("|")[1].strip() == OURS
    assert peer.split("|")[-2].strip() == "2.00x"


@pytest.mark.parametrize(
    ("number", "at_least", "met"),
    [(2.0, True, True), (1.9, True, False), (2.0, False, True), (2.1, False, False)],
)
def test_a_goal_is_met_or_not(*, number: float, at_least: bool, met: bool) -> None:
    """The bound itself meets the goal, from either side."""
    assert Goal("x", 2.0, number, at_least=at_least).met is met


def test_what_was_not_measured_is_said() -> None:
    """A goal without a number is neither met nor missed, and says why, also in JSON."""
    goal = Goal("protected", 2.0, None, why_not="nobody signs in")
    report = Report("router", "here", {"case": CASE}, [goal])

    assert "nobody signs in" in goals(report)[-1]
    assert "not measured" in goals(report)[-1]
    told = json.loads(as_json(report))
    assert told["goals"][0]["met"] is None
    assert len(told["cases"]["case"]["peer"]) == 3
