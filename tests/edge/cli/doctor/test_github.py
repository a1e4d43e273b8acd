"""GitHub, as the doctor finds it."""

from pathlib import Path

import pytest

from edge.cli.doctor.finding import Finding, Subject
from edge.cli.doctor.github import CHECKS
from edge.cli.settings import Settings
from tests.heavy.forges.github.played import Played
from tests.heavy.forges.github.state import pem

(CHECK,) = CHECKS


async def found(home: Path, **chosen: str | bool) -> Finding:
    """Return what is found with these settings."""
    return await CHECK.run(Subject(Settings(**chosen), home, {}))  # type: ignore[arg-type] # theirs


@pytest.mark.parametrize(
    ("what", "state", "says"),
    [
        ("nothing", "ok", "what it needs at 1 accounts"),
        ("permission", "fail", "the permission checks: write"),
        ("event", "fail", "the event pull_request"),
        ("behind", "warn", "acme did not accept"),
        ("suspended", "warn", "acme suspended"),
        ("another App", "fail", "knows no App"),
        ("down", "fail", "502"),
    ],
)
async def test_what_the_app_lacks(
    github_app: Played, tmp_path: Path, what: str, state: str, says: str
) -> None:
    """Each permission and event is named before something fails for it, with who has to act."""
    world = github_app.world
    installation = world.install("acme", world.repository("acme/shop"))
    match what:
        case "permission":
            world.permissions["checks"] = "read"
        case "event":
            world.events.remove("pull_request")
        case "behind":
            installation.permissions["checks"] = "read"
        case "suspended":
            installation.suspended = True
        case "another App":
            world.app_id = 1
        case "down":
            github_app.doors.down = 502

    finding = await found(
        tmp_path, github_url=github_app.url, github_app_id="4711", github_app_key=pem()
    )

    assert (finding.state, says in finding.says) == (state, True), finding
    assert finding.cure or state == "ok"


async def test_statuses_need_another_permission(github_app: Played, tmp_path: Path) -> None:
    """Whoever has turned checks off needs no right to write them."""
    world = github_app.world
    del world.permissions["checks"]

    finding = await found(
        tmp_path,
        github_url=github_app.url,
        github_app_id="4711",
        github_app_key=pem(),
        github_checks=False,
    )

    assert finding.state == "ok", finding


@pytest.mark.parametrize(("secret", "state"), [("", "off"), ("s3cr3t", "warn")])
async def test_without_an_app(tmp_path: Path, secret: str, state: str) -> None:
    """Who takes webhooks alone is told what they do without."""
    finding = await found(tmp_path, github_webhook_secret=secret)

    assert finding.state == state
    assert "PUSHLINE_GITHUB_APP_ID" in f"{finding.says} {finding.cure}"


async def test_a_key_that_is_none(github_app: Played, tmp_path: Path) -> None:
    """It is not shown, whatever it is."""
    finding = await found(
        tmp_path, github_url=github_app.url, github_app_id="4711", github_app_key="s3cr3t-key"
    )

    assert finding.state == "fail"
    assert "s3cr3t-key" not in f"{finding}"
