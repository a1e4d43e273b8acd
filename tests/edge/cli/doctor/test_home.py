"""The home and the machine, as the doctor finds them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge.cli.doctor import home, machine
from edge.cli.doctor.finding import Subject
from edge.cli.settings import Settings


def subject(path: Path, **chosen: str) -> Subject:
    """Return a home where nothing runs."""
    return Subject(Settings(**chosen), path, {})  # type: ignore[arg-type] # texts only


async def test_a_good_home_is_told_so(tmp_path: Path) -> None:
    """Private, written, with room; and nothing stays behind in it."""
    tmp_path.chmod(0o700)
    found = [await check.run(subject(tmp_path)) for check in home.CHECKS]

    assert {each.state for each in found} <= {"ok", "warn"}  # the disk may be nearly full
    assert [each.check for each in found] == ["home.private", "home.writable", "home.room"]
    assert list(tmp_path.iterdir()) == []


async def test_a_home_that_is_not_there_is_not_wrong(tmp_path: Path) -> None:
    """Before the first start there is none, and the doctor makes none."""
    missing = tmp_path / "home"

    found = [await check.run(subject(missing)) for check in home.CHECKS]

    assert [each.state for each in found[:2]] == ["off", "off"]
    assert not missing.exists()


async def test_a_home_that_others_write_is_wrong(tmp_path: Path) -> None:
    """The cure can be pasted."""
    tmp_path.chmod(0o777)

    found = await home.private(subject(tmp_path))

    assert (found.state, found.cure) == ("fail", f"chmod go-w {tmp_path}")


@pytest.mark.parametrize("name", home.SECRET)
async def test_a_secret_that_others_read_is_wrong(tmp_path: Path, name: str) -> None:
    """Each file of a secret is looked at."""
    tmp_path.chmod(0o755)
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("hush")
    path.chmod(0o640)

    found = await home.private(subject(tmp_path))

    assert (found.state, found.cure) == ("fail", f"chmod 600 {path}")
    path.chmod(0o600)
    assert (await home.private(subject(tmp_path))).state == "ok"


@pytest.mark.parametrize(
    ("apart", "state"),
    [(timedelta(0), "ok"), (timedelta(seconds=-4), "warn"), (timedelta(hours=1), "fail")],
)
def test_clocks_are_compared(apart: timedelta, state: str) -> None:
    """A little is told, much is wrong, whichever of both is behind."""
    now = datetime.now(UTC)

    found = machine.apart(now, now + apart, "the log's server")

    assert found.state == state
    assert ("NTP" in found.cure) == (state != "ok")


async def test_a_clock_without_a_battery_is_wrong(tmp_path: Path) -> None:
    """1970 is no time at which this was written."""
    found = await machine.clock(subject(tmp_path), lambda: datetime.fromtimestamp(0, UTC))

    assert found.state == "fail"
    assert "1970-01-01" in found.says


async def test_git_is_for_pushing_from_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it Pushline works, and people are told."""
    assert (await machine.git(subject(tmp_path))).state == "ok"

    monkeypatch.setenv("PATH", str(tmp_path))

    assert (await machine.git(subject(tmp_path))).state == "warn"


async def test_a_domain_without_a_record_is_wrong(tmp_path: Path) -> None:
    """`.invalid` is promised to lead nowhere (RFC 2606); the record to make is named."""
    found = await machine.names(subject(tmp_path, root_domain="pushline.invalid"))

    assert found.state == "fail"
    assert "*.pushline.invalid" in found.cure
    assert (await machine.names(subject(tmp_path))).state in {"ok", "warn"}
