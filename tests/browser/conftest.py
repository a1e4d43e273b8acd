"""A real browser, and what it visits."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.browser.town import Town, town
from tests.heavy.programs import program


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """Yield a headless Chromium, the one of the machine."""
    binary = program("chromium", "chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=binary,
            args=["--no-sandbox"],  # root may not have one
        )
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def here(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:  # noqa: ARG001
    """Yield a Pushline that serves all tests of this folder."""
    with town(tmp_path_factory.mktemp("town")) as found:
        yield found


@pytest.fixture
def window(chromium: Browser) -> Iterator[BrowserContext]:
    """Yield a browser with a profile of its own."""
    context = chromium.new_context()
    context.set_default_timeout(20_000)
    yield context
    context.close()


@pytest.fixture
def other(chromium: Browser) -> Iterator[BrowserContext]:
    """Yield the browser of somebody else."""
    context = chromium.new_context()
    context.set_default_timeout(20_000)
    yield context
    context.close()


@pytest.fixture
def page(window: BrowserContext) -> Page:
    """Return a page of the browser."""
    return window.new_page()
