"""One-time links, in a browser: whoever can read the home is an operator, once."""

from playwright.sync_api import BrowserContext, Page

from tests.browser.town import Town


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
