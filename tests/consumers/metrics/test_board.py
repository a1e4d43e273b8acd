"""What Prometheus is told: read as it reads it."""

from datetime import timedelta

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from bus.usage import Counted
from consumers.metrics import consumer
from consumers.metrics.board import MOST_CODES, Board
from consumers.metrics.calls import Calls
from schemas import subjects
from schemas.events.run import RunBuildFailed, RunFinished
from schemas.usage import Usage, bucket
from tests.consumers.metrics.story import START, Story

Samples = dict[tuple[str, frozenset[str]], float]


def samples(story: Story, calls: Calls | None = None) -> Samples:
    """Return every sample by its name and the values of its labels, in whatever order."""
    fold = consumer.fold(None)
    fold.apply(story.events)
    registry = CollectorRegistry()
    registry.register(Board(fold, calls or Calls(), lambda: story.now + timedelta(seconds=60)))
    families = text_string_to_metric_families(generate_latest(registry).decode())
    return {
        (sample.name, frozenset(sample.labels.values())): sample.value
        for family in families
        for sample in family.samples
    }


def of(name: str, *labels: str) -> tuple[str, frozenset[str]]:
    """Return how a sample is found."""
    return name, frozenset(labels)


def test_runs_are_told_all_projects_together() -> None:
    """Outcomes, the lead time and the last live run are those of the installation."""
    story = Story()
    for cause in ("a", "b"):
        run = story.queued(cause)
        story.built(run)
        story.deploying(run)
        story.deployed(run)
        story.tell(RunFinished(outcome="live"), "run", run)

    found = samples(story)

    assert found[of("pushline_runs_total", "live")] == 2
    assert found[of("pushline_runs_under_way")] == 0
    assert found[of("pushline_lead_seconds_count")] == 2
    assert found[of("pushline_lead_seconds_bucket", "5")] == 0
    assert found[of("pushline_lead_seconds_bucket", "10")] == 2
    assert found[of("pushline_step_waiting_seconds_sum", "build")] == 2
    assert found[of("pushline_step_working_seconds_bucket", "deploy", "1")] == 2
    assert found[of("pushline_last_live_timestamp_seconds")] == story.now.timestamp()


def test_what_hangs_is_seen_by_its_age() -> None:
    """The oldest of those that wait for the deployer is told, a minute later."""
    story = Story()
    story.built(story.queued("a"))
    story.built(story.queued("b", after=10))

    found = samples(story)

    assert found[of("pushline_step_oldest_age_seconds", "deploy", "waiting")] == 60 + 13
    assert found[of("pushline_runs_under_way")] == 2
    assert of("pushline_last_live_timestamp_seconds") not in found


def test_codes_are_labels_up_to_a_number() -> None:
    """However many codes there came to be, so many series there are."""
    story = Story()
    run = story.queued("a")
    for number in range(MOST_CODES + 10):
        fact = RunBuildFailed(function="f", code=f"c{number:03}", message="")
        story.tell(fact, "run", run)

    found = samples(story)

    codes = {labels: value for (name, labels), value in found.items() if "failures" in name}
    assert len(codes) == MOST_CODES + 1
    assert codes[frozenset(("build", "other"))] == 10


def test_functions_have_the_names_that_people_know() -> None:
    """A project is told by its name, not by its number; latencies are all together."""
    story = Story()
    story.queued("a")
    calls = Calls()
    subject = subjects.usage("github", "1296269", "production/hello")
    calls.add(1, Counted(subject, "r:1", Usage(7, 4, 1, {bucket(80_000): 4})))

    found = samples(story, calls)

    assert found[of("pushline_function_invocations_total", "alice/shop", "production/hello")] == 4
    assert found[of("pushline_function_errors_total", "alice/shop", "production/hello")] == 1
    assert found[of("pushline_function_seconds_bucket", "0.1")] == 4
    assert found[of("pushline_function_seconds_bucket", "0.05")] == 0


def test_an_empty_log_is_told_too() -> None:
    """Before the first push there are zeros, and no errors."""
    story = Story()
    assert story.now == START

    assert samples(story)[of("pushline_lead_seconds_count")] == 0
