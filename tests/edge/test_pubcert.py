"""/pub-cert.pem: the controller's certificate, kept, and never something else."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.serialization import Encoding

from edge.pubcert import AT, KEPT, PAUSE, CertificateUnavailable, PubCert
from tests.bus.authority import Authority


class Controller:
    """The SealedSecrets controller, which hands out its certificate to anybody."""

    def __init__(self, folder: Path) -> None:
        self.pem = (Authority().folder(folder) / "cert.pem").read_bytes()
        self.answers = self.pem
        self.status = 200
        self.asked = 0
        self.url = ""

    async def handle(self, _: web.Request) -> web.Response:
        """Answer the certificate, or what a test wants."""
        self.asked += 1
        return web.Response(body=self.answers, status=self.status)


@pytest.fixture
async def controller(tmp_path: Path) -> AsyncIterator[Controller]:
    """Yield a controller on loopback."""
    made = Controller(tmp_path)
    app = web.Application()
    app.router.add_get(AT, made.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    yield made
    await runner.cleanup()


async def ask(page: PubCert, method: str = "GET") -> tuple[int, dict[bytes, bytes], bytes]:
    """Return what the application answers."""
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await page({"method": method}, None, send)
    return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"]


async def test_the_certificate_is_handed_out_and_kept(controller: Controller) -> None:
    """The controller is asked once in ten minutes, and has the last word then."""
    now = 0.0
    page = PubCert(controller.url, clock=lambda: now)

    status, headers, first = await ask(page)
    await ask(page)
    renewed = controller.answers = Authority().certificate.public_bytes(Encoding.PEM)
    now = KEPT
    _, _, second = await ask(page)

    assert (status, headers[b"content-type"]) == (200, b"application/x-pem-file")
    assert (first, second, controller.asked) == (controller.pem, renewed, 2)


async def test_what_is_known_outlives_an_outage(controller: Controller) -> None:
    """A controller opens what was sealed with an older certificate."""
    now = 0.0
    page = PubCert(controller.url, clock=lambda: now)
    await ask(page)
    controller.status, now = 503, KEPT

    assert (await ask(page))[2] == controller.pem


async def test_a_crowd_does_not_reach_the_controller(controller: Controller) -> None:
    """Whoever asks while it is down is told so; it is asked once, and again after a pause."""
    now = 0.0
    page = PubCert(controller.url, clock=lambda: now)
    controller.status = 503

    refused = await asyncio.gather(*(ask(page) for _ in range(20)), return_exceptions=True)
    asked, now, controller.status = controller.asked, PAUSE, 200

    assert {type(one) for one in refused} == {CertificateUnavailable}
    assert asked == 1
    assert (await ask(page))[2] == controller.pem


@pytest.mark.parametrize(
    ("status", "answers"), [(503, b""), (200, b"<html>"), (302, b""), (200, b"-----BEGIN")]
)
async def test_nothing_else_is_handed_out(
    controller: Controller, status: int, answers: bytes
) -> None:
    """Nobody seals with what is no certificate; the operator is told which setting to look at."""
    controller.status, controller.answers = status, answers

    with pytest.raises(CertificateUnavailable) as raised:
        await ask(PubCert(controller.url))

    assert "PUSHLINE_SEALED_SECRETS_URL" in raised.value.hint


async def test_only_reading_is_answered(controller: Controller) -> None:
    """A POST is told so, and the controller not asked."""
    assert (await ask(PubCert(controller.url), "POST"))[0] == 405
    assert controller.asked == 0
