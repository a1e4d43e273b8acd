"""The page that lets a command line act in somebody's name, with the device's own two requests."""

import httpx
from playwright.sync_api import Page

from tests.browser.town import Town

GRANT = "urn:ietf:params:oauth:grant-type:device_code"


def ask(here: Town, path: str, **form: str) -> httpx.Response:
    """Return what a device is answered."""
    url = f"http://127.0.0.1:{here.here.port}{path}"
    return httpx.post(url, data=form, headers={"Host": f"system.localhost:{here.here.port}"})


def test_a_device_is_let_in_by_its_person(here: Town, page: Page) -> None:
    """The link leads over sign-in to who asks and for what; a yes gives the device a token."""
    told = ask(here, "/oauth/device_authorization", client_id="x", name="a <b>laptop</b>").json()

    page.goto(told["verification_uri_complete"])
    here.approve(page, "oidc", "alice")
    assert "“a <b>laptop</b>”" in page.inner_text("h1")
    assert told["user_code"] in page.inner_text("main")
    page.get_by_role("button", name="Let it in").click()

    assert page.get_by_role("heading", name="Approved").is_visible()
    code = told["device_code"]
    given = ask(here, "/oauth/token", grant_type=GRANT, device_code=code, client_id="x").json()
    assert given["access_token"].startswith("plt_")
    assert given["access_token"] not in here.here.log()

    page.goto(told["verification_uri_complete"])
    assert "answered already" in page.inner_text("main")


def test_a_device_is_refused(here: Town, page: Page) -> None:
    """A no is told to the device; a code that nobody waits with is told to the person."""
    told = ask(here, "/oauth/device_authorization", client_id="x", name="laptop").json()
    here.sign_in(page, "oidc", "alice", "/device")
    page.get_by_label("Code").fill("bcdf-ghjk")
    page.get_by_role("button", name="Go on").click()
    assert "No device waits" in page.inner_text("main")

    page.get_by_role("link", name="Type another code").click()
    page.get_by_label("Code").fill(told["user_code"].lower())
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("button", name="Refuse").click()

    assert page.get_by_role("heading", name="Refused").is_visible()
    code = told["device_code"]
    given = ask(here, "/oauth/token", grant_type=GRANT, device_code=code, client_id="x")
    assert (given.status_code, given.json()["error"]) == (400, "access_denied")
