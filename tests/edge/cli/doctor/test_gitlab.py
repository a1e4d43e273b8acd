"""GitLab, as the doctor finds it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge.cli.doctor.finding import Finding, Subject
from edge.cli.doctor.gitlab import CHECKS
from edge.cli.settings import Settings
from tests.heavy.forges.gitlab.played import Played
from tests.heavy.forges.gitlab.sending import FOREVER_OFF, ONCE_OFF

TOKEN, WEBHOOKS = CHECKS


async def found(gitlab: Played, token: str, home: Path) -> tuple[Finding, Finding]:
    """Return both findings."""
    subject = Subject(Settings(gitlab_url=gitlab.url, gitlab_token=token), home, {})
    return await TOKEN.run(subject), await WEBHOOKS.run(subject)


@pytest.mark.parametrize(
    ("scopes", "days", "expected"),
    [
        (("api",), 90, ("ok", 'topic "openfaas-cloud"')),
        (("api",), 3, ("warn", "ends on")),
        (("read_api",), 90, ("fail", "statuses need api")),
        ((), 90, ("fail", "does not take our token")),
    ],
)
async def test_what_a_token_is_good_for(
    gitlab_api: Played,
    tmp_path: Path,
    scopes: tuple[str, ...],
    days: int,
    expected: tuple[str, str],
) -> None:
    """A token that is not enough, or not for long, is told before something fails by it."""
    (state, says), world = expected, gitlab_api.world
    until = (datetime.now(UTC) + timedelta(days=days)).timestamp()
    alice = world.user("alice")
    text = world.token(alice, *scopes, until=until) if scopes else "glpat-revoked"

    finding, _ = await found(gitlab_api, text, tmp_path)

    assert (finding.state, says in finding.says) == (state, True), finding
    assert state == "ok" or "PUSHLINE_GITLAB_TOKEN" in finding.cure
    assert text not in f"{finding}"


@pytest.mark.parametrize(
    ("failures", "state", "says"),
    [
        (0, "ok", "1 webhooks of 1 projects"),
        (ONCE_OFF, "warn", "temporarily_disabled until"),
        (FOREVER_OFF, "warn", "group/shop (disabled"),
    ],
)
async def test_webhooks_that_gitlab_has_disabled(
    gitlab_api: Played, tmp_path: Path, failures: int, state: str, says: str
) -> None:
    """Pushes that never come are told of; webhooks of others are nobody's matter."""
    world = gitlab_api.world
    alice = world.user("alice")
    project = world.project("group/shop", by=alice, topics=("openfaas-cloud",))
    hook = world.hook("https://system.example.com/gitlab-event", project=project, token="t")
    world.hook("https://chat.example.com/hook", project=project).failures = FOREVER_OFF
    hook.failures = failures
    hook.disabled_until = world.clock() + 60 if failures else 0.0

    _, finding = await found(gitlab_api, world.token(alice), tmp_path)

    assert (finding.state, says in finding.says) == (state, True), finding


@pytest.mark.parametrize(
    ("events", "state", "says"),
    [
        (("push", "merge_request"), "ok", "the system hook and 0 webhooks"),
        ((), "warn", "does not tell of pushes"),
        (None, "warn", "no webhook that this token sees"),
    ],
)
async def test_the_hook_of_the_whole_instance(
    gitlab_api: Played, tmp_path: Path, events: tuple[str, ...] | None, state: str, says: str
) -> None:
    """An administrator's token sees it; as GitLab makes one it does not tell of pushes."""
    world = gitlab_api.world
    if events is not None:
        world.hook("https://system.example.com/gitlab-event", events=events)

    _, finding = await found(gitlab_api, world.token(world.user("root", admin=True)), tmp_path)

    assert (finding.state, says in finding.says) == (state, True), finding


async def test_a_gitlab_that_is_down(gitlab_api: Played, tmp_path: Path) -> None:
    """It is told, with what to compare."""
    gitlab_api.doors.down = 502

    findings = await found(gitlab_api, "glpat-x", tmp_path)

    assert {finding.state for finding in findings} == {"fail"}
    assert all("PUSHLINE_GITLAB_URL" in finding.cure for finding in findings)


async def test_webhooks_without_a_token(tmp_path: Path) -> None:
    """What is missing without one is told; of a GitLab that nobody uses, nothing."""
    hooks = Settings(gitlab_webhook_token="t")

    assert (await TOKEN.run(Subject(hooks, tmp_path, {}))).state == "warn"
    assert (await TOKEN.run(Subject(Settings(), tmp_path, {}))).state == "off"
