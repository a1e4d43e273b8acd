"""The providers of sign-in, as the doctor finds them."""

from pathlib import Path
from typing import Any

import pytest

from edge.cli.doctor import signing_in as parts
from edge.cli.doctor.finding import Subject
from edge.cli.settings import Settings
from tests.heavy.identity.authority import Authority
from tests.heavy.identity.github import PlayedGitHub
from tests.heavy.identity.gitlab import PlayedGitLab
from tests.heavy.identity.oidc import PlayedIssuer

CHECKS = {check.name.removeprefix("sign-in "): check for check in parts.CHECKS}
BASE = "http://system.localhost/login/callback"


def settings(name: str, played: Authority, secret: str) -> Settings:
    """Return the settings of an installation that knows one provider."""
    client = played.client("ours", f"{BASE}/{name}")
    told: dict[str, Any] = {
        f"{name}_client_id": client.id,
        f"{name}_client_secret": secret or client.secret,
    }
    told["oidc_issuer" if name == "oidc" else f"{name}_url"] = played.url
    return Settings(**told)


@pytest.mark.parametrize("name", CHECKS)
async def test_a_client_is_tried_without_anybody_signing_in(
    name: str,
    github: PlayedGitHub,
    gitlab: PlayedGitLab,
    issuer: PlayedIssuer,
    tmp_path: Path,
) -> None:
    """A good secret is told from a wrong one, an outage and nothing at all; none is shown."""
    played: Authority = {"github": github, "gitlab": gitlab, "oidc": issuer}[name]
    check = CHECKS[name]

    good = await check.run(Subject(settings(name, played, ""), tmp_path, {}))
    wrong = await check.run(Subject(settings(name, played, "not-the-one"), tmp_path, {}))
    played.down = 503
    away = await check.run(Subject(settings(name, played, ""), tmp_path, {}))
    off = await check.run(Subject(Settings(), tmp_path, {}))

    assert (good.state, f"{BASE}/{name}" in good.says) == ("ok", True), good
    assert (wrong.state, away.state, off.state) == ("fail", "fail", "off"), (wrong, away)
    assert f"PUSHLINE_{name.upper()}_CLIENT_ID" in wrong.cure + wrong.says
    assert "not-the-one" not in str(wrong)
