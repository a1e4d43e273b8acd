"""The same behind a proxy that ends TLS, as an installation is met: cookies of one host alone."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.town import functions
from tests.heavy import proxies
from tests.heavy.programs import running
from tests.heavy.proxies import SHOWN, Place
from tests.laptop import Laptop, laptop


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Laptop, int]]:
    """Yield a Pushline with one closed function, and the port of the proxy before it."""
    folder = tmp_path_factory.mktemp("secure")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    public = {"PUSHLINE_PUBLIC_URL": f"https://localhost:{port}"}
    with laptop(folder, {**public, "PUSHLINE_TRUSTED_PROXIES": "127.0.0.1"}) as here:
        here.push(functions(folder / "work", "signed"))
        proxies.certify(folder, "localhost")
        changes = {
            "example.org, *.example.org": f"https://localhost:{port}, https://*.localhost:{port}",
            "127.0.0.1:8080": f"127.0.0.1:{here.port}",
        }
        command: list[str | Path] = [
            *proxies.caddy(Place(folder, port), SHOWN / "Caddyfile", changes)
        ]
        with running(command, folder / "caddy.log", lambda: listens(port)):
            yield here, port


def listens(port: int) -> bool:
    """Tell whether anybody takes connections there."""
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


def test_on_https_no_other_host_can_set_or_see_our_cookies(
    chromium: Browser, secure: tuple[Laptop, int]
) -> None:
    """Signed in by the operator's link, a closed function follows; each cookie is ``__Host-``."""
    here, port = secure
    window = chromium.new_context(ignore_https_errors=True)
    page = window.new_page()

    assert f"https://system.localhost:{port}/login/once?link=" in here.log()  # `up` prints one too
    page.goto(here.pushline("link").strip())
    page.get_by_role("button", name="Sign in").click()
    page.goto(f"https://alice.localhost:{port}/signed")

    assert page.url == f"https://alice.localhost:{port}/signed"
    headers = {name.lower() for name in json.loads(page.inner_text("body"))["headers"]}
    assert "cookie" not in headers
    found = {(one["domain"], one["name"], one["secure"]) for one in window.cookies()}
    assert found == {
        ("system.localhost", "__Host-pushline", True),
        ("alice.localhost", "__Host-pushline", True),
    }
    window.close()
