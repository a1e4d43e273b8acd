"""What the doctor says of comparing forges with the log."""

from bus.connection import Bus
from bus.settings import BusSettings
from edge.cli.doctor.finding import Finding, Subject
from edge.cli.doctor.recovery import CHECKS
from edge.cli.settings import Settings
from schemas.envelope import Aggregate
from schemas.events.reconciliation import ReconciliationFinished

[CHECK] = CHECKS


async def test_the_last_comparison_is_told(bus: Bus, bus_settings: BusSettings) -> None:
    """That there was none, what it found, and that the forge gives no answer since."""

    async def found(*facts: ReconciliationFinished, minutes: int = 5) -> Finding:
        for fact in facts:
            of = Aggregate("gitlab", "", "reconciliation", "")
            await bus.log.append(fact, of=of, id=f"test:{await bus.log.head()}")
        settings = Settings(gitlab_token="glpat-x", reconcile_minutes=minutes)
        return await CHECK.run(Subject(settings, bus_settings.home, {"platform": bus_settings}))

    assert (await found()).says == "gitlab is not compared with the log"
    told = await found(ReconciliationFinished(projects=20, recovered=3, silent=1))
    assert told.state == "ok"
    assert told.says.endswith("20 projects, 1 silent, 3 deliveries recovered")
    silent = await found(ReconciliationFinished(projects=0, reason="GitLab answered 502"))
    assert (silent.state, silent.says.rpartition(": ")[2]) == ("warn", "GitLab answered 502")
    assert (await found(minutes=0)).cure == "set PUSHLINE_RECONCILE_MINUTES"
    subject = Subject(Settings(), bus_settings.home, {"platform": bus_settings})
    assert (await CHECK.run(subject)).state == "off"
