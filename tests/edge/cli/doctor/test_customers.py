"""The list of customers, as the doctor finds it."""

from pathlib import Path

import pytest

from edge.cli.doctor import customers as parts
from edge.cli.doctor.finding import Subject
from edge.cli.settings import Settings

[CHECK] = parts.CHECKS


@pytest.mark.parametrize(
    ("listed", "state", "says"),
    [
        ("alice\nbob\n", "ok", "2 accounts may push"),
        ("*", "ok", "everybody may push"),
        ("nobody", "warn", "no account of a forge may push"),
        ("alice\nalice-two\n", "warn", "alice-two is not let in"),
        ("<html>", "fail", "line 1 is no account"),
        (None, "fail", "cannot be read"),
    ],
)
async def test_what_a_list_comes_to(
    tmp_path: Path, listed: str | None, state: str, says: str
) -> None:
    """A good list is counted; one that lets nobody in, or is none, is told with its cure."""
    file = tmp_path / "customers"
    if listed is not None:
        file.write_text(listed)

    found = await CHECK.run(Subject(Settings(customers=str(file)), tmp_path, {}))

    assert (found.state, says in found.says) == (state, True), found
    assert state == "ok" or found.cure


async def test_webhooks_without_customers(tmp_path: Path) -> None:
    """A secret of a webhook alone lets nobody in, and the setting that does is named."""
    settings = Settings(github_webhook_secret="s")

    found = await CHECK.run(Subject(settings, tmp_path, {}))

    assert found.state == "warn"
    assert "PUSHLINE_CUSTOMERS" in found.cure
    assert (await CHECK.run(Subject(Settings(), tmp_path, {}))).state == "off"
