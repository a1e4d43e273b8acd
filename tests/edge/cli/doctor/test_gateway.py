"""The gateway, as the doctor finds it: one that plays faas-netes strictly."""

from pathlib import Path

import pytest

from edge.cli.doctor import gateway as parts
from edge.cli.doctor.finding import Subject
from edge.cli.settings import Settings
from tests.heavy.gateway.played import Gateway

[CHECK] = parts.CHECKS


def subject(gateway: Gateway, home: Path, **more: str) -> Subject:
    """Return an installation that deploys through this gateway."""
    told = {
        "gateway_url": gateway.url,
        "gateway_user": gateway.user,
        "gateway_password": gateway.password,
    }
    return Subject(Settings(platform="openfaas", **told | more), home, {})  # type: ignore[arg-type]


async def test_a_good_gateway(gateway: Gateway, tmp_path: Path) -> None:
    """It says what it is and what it runs; nothing is deployed to find out."""
    found = await CHECK.run(subject(gateway, tmp_path))

    assert found.state == "ok", found
    assert "0 functions" in found.says
    assert {call.verb for call in gateway.calls} == {"GET"}


async def test_a_wrong_password(gateway: Gateway, tmp_path: Path) -> None:
    """Both settings are named, and neither value."""
    found = await CHECK.run(subject(gateway, tmp_path, gateway_password="hush-hush"))

    assert found.state == "fail"
    assert "PUSHLINE_GATEWAY_PASSWORD" in found.cure
    assert "hush" not in f"{found}"


async def test_a_namespace_that_is_not_there(gateway: Gateway, tmp_path: Path) -> None:
    """What a stack may choose has to be there before it is chosen."""
    found = await CHECK.run(
        subject(gateway, tmp_path, gateway_namespaces=f"{gateway.default}, elsewhere")
    )

    assert found.state == "fail"
    assert "elsewhere" in found.says


@pytest.mark.parametrize("lie", ["html", "shape", "redirect"])
async def test_what_is_no_gateway(gateway: Gateway, tmp_path: Path, lie: str) -> None:
    """A page, another API, a redirect to a sign-in: the URL is what has to be mended."""
    gateway.weather.lie = lie

    found = await CHECK.run(subject(gateway, tmp_path))

    assert found.state == "fail"
    assert "PUSHLINE_GATEWAY_URL" in found.cure


async def test_nobody_there_and_not_configured(gateway: Gateway, tmp_path: Path) -> None:
    """A closed port is wrong; another platform is not."""
    away = await CHECK.run(subject(gateway, tmp_path, gateway_url="http://127.0.0.1:1"))
    other = await CHECK.run(Subject(Settings(), tmp_path, {}))

    assert (away.state, other.state) == ("fail", "off")
    assert "PUSHLINE_GATEWAY_URL" in away.cure
