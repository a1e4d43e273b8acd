"""Signing in as people do it, by clicks in a real browser: providers, links, devices."""

import json
from typing import Final

import httpx
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.town import Town

GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"


@pytest.mark.parametrize("provider", ["github", "gitlab", "oidc"])
def test_somebody_signs_in_and_out(
    here: Town, page: Page, window: BrowserContext, provider: str
) -> None:
    """From the page with the buttons to the session, and out again."""
    here.sign_in(page, provider, "alice")

    assert page.get_by_role("heading", name="You are signed in").is_visible()
    assert f"{provider}:alice" in page.content()
    [cookie] = window.cookies()
    assert (cookie["name"], cookie["domain"]) == ("pushline", "system.localhost")
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Lax"

    page.get_by_role("button", name="Sign out", exact=True).click()

    expect(page.get_by_role("heading", name="Signed out")).to_be_visible()
    assert window.cookies() == []
    page.goto(here.system("/session"))
    assert page.get_by_role("heading", name="Sign in").is_visible()


def test_a_closed_function_leads_to_sign_in_and_back(here: Town, page: Page) -> None:
    """The page that was asked for is the page that is seen, with who asks; no cookie of ours."""
    page.goto(here.function("/members/deep?a=1&b=%2F"))
    assert "alice.localhost" in page.content()
    here.approve(page, "oidc", "alice")

    page.wait_for_url(here.function("/members/deep?a=1&b=%2F"))
    seen = json.loads(page.inner_text("body"))
    headers = {name.lower(): value for name, value in seen["headers"].items()}
    assert headers["x-pushline-login"] == "oidc:alice"
    assert "cookie" not in headers


def test_once_signed_in_each_host_follows_without_a_question(here: Town, page: Page) -> None:
    """Signed in at our own host, a function's is a way there and back, and no click."""
    here.sign_in(page, "github", "mallory")

    page.goto(here.function("/signed"))

    assert page.url == here.function("/signed")
    assert json.loads(page.inner_text("body"))["path"] == "/"


def test_the_wrong_person_is_told_so(here: Town, page: Page) -> None:
    """Whoever is no member of the tenant gets 403 there, and no circle of redirects."""
    here.sign_in(page, "github", "mallory")

    answer = page.goto(here.function("/members"))

    assert answer is not None
    assert answer.status == 403


def test_no_is_an_answer(here: Town, page: Page) -> None:
    """Whoever refuses at the provider reads so, and may begin again."""
    page.goto(here.system("/login"))
    page.get_by_role("link", name="Sign in with GitHub").click()
    page.get_by_role("link", name="Deny").click()

    assert page.get_by_role("heading", name="You are not signed in").is_visible()
    page.get_by_role("link", name="Sign in again").click()
    assert page.get_by_role("heading", name="Sign in").is_visible()


def test_a_provider_that_is_down_is_named(here: Town, page: Page) -> None:
    """The page says who does not answer, and that later it may."""
    page.goto(here.system("/login"))
    page.get_by_role("link", name="Sign in with GitHub").click()
    here.github.down = 502
    try:
        # the played one answers its own pages with it too: come back by hand
        asked = next(reversed(here.github.asked))
        page.goto(here.github.approve(asked, "alice"))
    finally:
        here.github.down = 0

    assert "GitHub answered 502" in page.content()


@pytest.mark.weakness(9)
def test_no_secret_is_left_anywhere(here: Town, page: Page) -> None:
    """Weakness 7.9 of the predecessor: no code, token or secret in the log or in log lines."""
    for provider in here.providers:
        here.sign_in(page, provider, "alice")
        page.context.clear_cookies()

    told = json.dumps(here.here.events()) + here.here.log()
    for played in here.providers.values():
        secrets = [one.secret for one in played.clients.values()]
        secrets += [*played.codes, *played.tokens, *played.gone]
        assert secrets
        assert not [secret for secret in secrets if secret in told]


def test_operators_are_who_the_setting_names(here: Town, page: Page) -> None:
    """By the provider's login, and nobody else of that name elsewhere."""
    here.sign_in(page, "github", "Root")
    assert "an operator" in page.content()

    page.context.clear_cookies()
    here.sign_in(page, "gitlab", "Root")
    assert "an operator" not in page.content()


def link(here: Town) -> str:
    """Return a fresh link, as the command line prints it."""
    return here.here.pushline("link").strip()


def test_a_link_makes_its_browser_an_operators(here: Town, page: Page) -> None:
    """To look at it signs nobody in; to use it does."""
    page.goto(link(here))
    assert page.context.cookies() == []

    page.get_by_role("button", name="Sign in").click()

    assert "an operator" in page.content()
    assert here.here.events("--type", "session.signed-in")[-1]["fact"]["via"] == "link"


def test_a_link_is_good_once(here: Town, page: Page, other: BrowserContext) -> None:
    """The second browser is told so, also where both looked at it before."""
    text, late = link(here), other.new_page()
    for one in (page, late):
        one.goto(text)

    page.get_by_role("button", name="Sign in").click()
    late.get_by_role("button", name="Sign in").click()

    assert "used already" in late.content()
    assert other.cookies() == []


def test_a_link_that_was_changed_is_none(here: Town, page: Page) -> None:
    """A letter more or less, and it is refused in words."""
    text = link(here)

    answer = page.goto(text[:-8] + "AAAA" + text[-4:])

    assert answer is not None
    assert answer.status == 400
    assert "pushline link" in page.content()


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
