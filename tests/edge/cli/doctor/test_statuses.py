"""What forges are told of commits, as the doctor finds it."""

from pathlib import Path

from bus.connection import Bus
from bus.settings import BusSettings
from edge.cli.doctor.finding import Finding, Subject
from edge.cli.doctor.statuses import CHECKS
from edge.cli.settings import Settings
from schemas.envelope import Aggregate
from schemas.events import Event
from schemas.events.comment import CommentRefused, CommentWritten
from schemas.events.status import StatusReported, StatusReportFailed
from schemas.ids import tag_of

SHA = "ab" * 20
REPORTED = StatusReported("production", SHA, "completed", 1, status="completed")
FAILED = StatusReportFailed("production", SHA, "completed", 1, "status_refused", "no permission")
REFUSED = CommentRefused(7, SHA, "forge_refused", "the permission pull_requests=write is missing")
WRITTEN = CommentWritten(7, "3000001", "sha256:" + "0" * 64, SHA, 1)

[CHECK] = CHECKS


async def test_the_last_word_of_each_project_counts(bus: Bus, bus_settings: BusSettings) -> None:
    """A refusal is told until its project is reported on again, with what explains it."""
    settings = Settings(gitlab_token="glpat-x")
    subject = Subject(settings, bus_settings.home, {"platform": bus_settings})

    async def found(project: str = "", *facts: Event) -> Finding:
        for fact in facts:
            kind = tag_of(fact).partition(".")[0]
            of = Aggregate(
                "gitlab", project, kind, f"production/@{SHA}" if kind == "status" else "7"
            )
            id = f"test:{await bus.log.head()}"
            await bus.log.append(fact, of=of, id=id, name="acme/shop")
        return await CHECK.run(subject)

    assert (await found()).says == "nothing was to be reported yet"
    assert (await found("1", REPORTED)).says.startswith("forges are told how commits stand")
    refused = await found("1", FAILED)
    assert refused.state == "warn"
    assert refused.says == "gitlab did not take a report on acme/shop: no permission"
    assert refused.cure == "`pushline explain status_refused`"
    assert (await found("2", REPORTED)).state == "warn"
    assert (await found("1", REPORTED)).state == "ok"
    assert (await found("1", REFUSED)).says.startswith("gitlab did not take a comment on acme/shop")
    assert (await found("1", WRITTEN)).state == "ok"


async def test_without_an_app_nothing_is_reported(tmp_path: Path) -> None:
    """Webhooks alone give no right to; the doctor says so once, and no push does."""
    found = await CHECK.run(Subject(Settings(github_webhook_secret="s"), tmp_path, {}))

    assert found.state == "warn"
    assert "PUSHLINE_GITHUB_APP_ID" in found.cure
    assert (await CHECK.run(Subject(Settings(), tmp_path, {}))).state == "off"
