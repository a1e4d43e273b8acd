"""Schedules in a stack: what is meant, and what whoever pushes is told."""

import pytest

from schemas.schedule import Schedule, problems, schedule, without_effect
from schemas.stack import StackInvalid, parse
from tests.schemas.test_stack import stack


def test_the_words_of_the_cron_connector() -> None:
    """Topic and schedule, in the zone that is annotated; among other topics, too."""
    said = {"topic": "orders, cron-function", "schedule": "0 9 * * *", "timezone": "Europe/Berlin"}

    assert schedule(said) == Schedule("0 9 * * *", "Europe/Berlin")
    assert schedule({"schedule": "0 9 * * *"}) == schedule({"topic": "orders"}) == Schedule()
    assert problems(said) == problems({}) == {}


def test_a_schedule_that_cannot_be_is_refused_with_its_line() -> None:
    """A mistake in the expression is found as the push comes in."""
    text = stack('annotations: {topic: cron-function,\n      schedule: "*/5 25 * * *"}')
    with pytest.raises(StackInvalid) as raised:
        parse(text)

    (problem,) = raised.value.problems
    assert problem.field == "functions.hello.annotations.schedule"
    assert problem.message == "hour: 25 is not from 0 to 23"
    assert problem.line == 8


@pytest.mark.parametrize(
    ("said", "key"),
    [
        ({"topic": "cron-function"}, "topic"),
        ({"topic": "cron-function", "schedule": " "}, "topic"),
        ({"topic": "cron-function", "schedule": "@every 1m"}, "schedule"),
        ({"topic": "cron-function", "schedule": "@daily", "timezone": "Berlin"}, "timezone"),
    ],
)
def test_each_mistake_names_its_annotation(said: dict[str, str], key: str) -> None:
    """With a cure."""
    ((found, (message, cure)),) = problems(said).items()

    assert found == key
    assert message
    assert cure


def test_what_leads_to_no_call_is_told() -> None:
    """A schedule without its topic, and a topic that nobody listens to."""
    warnings = parse(stack("annotations: {schedule: '@daily', topic: orders}")).warnings

    assert [problem.field.rpartition(".")[2] for problem in warnings] == ["topic", "schedule"]
    assert "cron-function" in warnings[0].message
    assert without_effect({"topic": "cron-function", "schedule": "@daily"}) == []
