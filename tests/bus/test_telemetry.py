"""What is counted can be scraped."""

from prometheus_client.parser import text_string_to_metric_families

from bus import telemetry
from bus.connection import Bus
from schemas.envelope import Aggregate
from schemas.events.run import RunBuildStarted


def appended() -> float:
    """Return how many facts the scrape tells of."""
    families = text_string_to_metric_families(telemetry.exposition().decode())
    return next(
        sample.value
        for family in families
        for sample in family.samples
        if sample.name == "pushline_log_appended_facts_total"
    )


async def test_an_append_is_counted(bus: Bus) -> None:
    """A fact more in the log is one more in the metrics, which any scraper can parse."""
    before = appended()
    run = Aggregate("local", "alice/hello", "run", "1")
    await bus.log.append(RunBuildStarted(function="f"), of=run, id="a")

    assert appended() == before + 1
    assert telemetry.CONTENT_TYPE.startswith("text/plain")
