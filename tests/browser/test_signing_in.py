"""Signing in as people do it: clicks in a real browser, through the router, by each provider."""

import json

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.browser.town import Town


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

    assert page.get_by_role("heading", name="Signed out").is_visible()
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
