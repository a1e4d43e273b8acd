"""The cluster, as the doctor finds it: one that plays the Kubernetes API strictly."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest
from aiohttp import web

from edge.cli.doctor import cluster as parts
from edge.cli.doctor.finding import Finding, Subject
from edge.cli.settings import Settings
from edge.pubcert import AT
from tests.bus.authority import Authority
from tests.heavy.cluster.played import Cluster, served

AWAY = "http://127.0.0.1:1"


class Place(NamedTuple):
    """A cluster, and the settings that name it."""

    cluster: Cluster
    told: dict[str, str]

    async def tried(self, **more: str) -> dict[str, Finding]:
        """Return what the doctor finds, by check."""
        subject = Subject(Settings(**self.told | more), Path("/nonexistent"), {})  # type: ignore[arg-type]
        return {check.name: await check.run(subject) for check in parts.CHECKS}


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    """Yield a cluster that knows our token, and its controller."""
    made = Cluster()
    runner = await served(made)
    pem = (Authority().folder(tmp_path / "tls") / "cert.pem").read_bytes()

    async def certificate(_: web.Request) -> web.Response:
        return web.Response(body=pem)

    app = web.Application()
    app.router.add_get(AT, certificate)
    controller = web.AppRunner(app, access_log=None)
    await controller.setup()
    await web.TCPSite(controller, "127.0.0.1", 0).start()
    (tmp_path / "token").write_text(made.token)
    told = {
        "platform": "openfaas",
        "kubernetes_url": made.url,
        "kubernetes_folder": str(tmp_path),
        "sealed_secrets_url": f"http://127.0.0.1:{controller.addresses[0][1]}",
    }
    yield Place(made, told)
    await controller.cleanup()
    await runner.cleanup()
    assert made.faults == []


async def test_a_good_cluster(place: Place) -> None:
    """It knows us and SealedSecrets, and nothing is bound to find out."""
    found = await place.tried()

    assert {each.state for each in found.values()} == {"ok"}, found
    assert "in openfaas-fn" in found["cluster.rights"].says
    assert not [call for call in place.cluster.calls if "/namespaces/" in call]


class Trouble(NamedTuple):
    """What is wrong, which checks find it, and what is told of it."""

    field: str
    value: object
    checks: set[str]
    words: str


BOTH = {"cluster", "cluster.rights"}
TROUBLES = (
    Trouble("token", "another", BOTH, "answers 401.*mounts our service account's token as /"),
    Trouble("down", 503, BOTH, "answers 503: etcdserver.*PUSHLINE_KUBERNETES_URL"),
    Trouble("installed", 0, {"cluster"}, "no SealedSecrets.*install the SealedSecrets controller"),
    Trouble(
        "verbs",
        {"get", "list", "create"},
        {"cluster.rights"},
        "may not patch, delete SealedSecrets in openfaas-fn.*grant .*get, list, create, patch and",
    ),
)


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda trouble: trouble.field)
async def test_what_is_wrong_there_has_its_cure(place: Place, trouble: Trouble) -> None:
    """Each is told apart, and the token is not shown."""
    setattr(place.cluster, trouble.field, trouble.value)

    found = await place.tried()

    failed = {name: each for name, each in found.items() if each.state == "fail"}
    assert failed.keys() == trouble.checks
    for each in failed.values():
        assert re.search(trouble.words, f"{each.says} {each.cure}"), each
        assert "token-of-a-pod" not in f"{each}"


async def test_what_is_wrong_here_has_its_cure(place: Place, tmp_path: Path) -> None:
    """No token, a broken ca.crt, nobody at an address, another namespace, nothing configured."""
    folder = tmp_path / "empty"
    folder.mkdir()
    no_token = await place.tried(kubernetes_folder=str(folder))
    elsewhere = await place.tried(gateway_namespace="other")
    away = await place.tried(kubernetes_url=AWAY, sealed_secrets_url=AWAY)
    (tmp_path / "ca.crt").write_text("no certificate")
    broken = await place.tried()
    local = await place.tried(platform="local")
    unset = await place.tried(kubernetes_url="")

    assert f"{folder}/token: No such file" in no_token["cluster"].says
    assert "in other" in elsewhere["cluster.rights"].says
    assert "PUSHLINE_GATEWAY_NAMESPACE" in elsewhere["cluster.rights"].cure
    assert [each.state for each in away.values()] == ["fail"] * 3
    assert "PUSHLINE_SEALED_SECRETS_URL" in away["cluster.certificate"].cure
    assert "ca.crt is no certificate" in broken["cluster"].says
    assert {each.state for each in (*local.values(), *unset.values())} == {"off"}
