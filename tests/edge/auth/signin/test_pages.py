"""The pages themselves: readable by everybody, in the light and in the dark, without script."""

import re
from typing import Any, Final

import pytest

from edge.auth.signin.reply import FOLDER, page

STYLE: Final = (FOLDER / "style.css").read_text()
SCHEMES: Final = dict(
    zip(("light", "dark"), re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL), strict=True)
)
READ: Final = (  # what is read, on what
    ("text", "box"), ("soft", "box"), ("link", "box"), ("on-act", "act"), ("text", "ground"),
)  # fmt: skip
TEMPLATES: Final[dict[str, dict[str, Any]]] = {
    "login": {"ways": [("GitHub", "/login/github")], "host": "", "back": ""},
    "message": {"title": "a", "text": "b", "hint": "", "way": None},
    "once": {"link": "x", "host": "system.localhost"},
    "logout": {"login": "github:alice"},
    "device": {"login": "github:alice", "code": "", "waits": None},
}


def luminance(colour: str) -> float:
    """Return the relative luminance of ``#rrggbb``, as WCAG 2 defines it."""
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(("ink", "paper"), READ)
def test_all_that_is_read_stands_out(scheme: str, ink: str, paper: str) -> None:
    """WCAG AA: 4.5 to 1 for text, in both schemes."""
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", SCHEMES[scheme]))

    assert contrast(colours[ink], colours[paper]) >= 4.5


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_page_says_its_language_title_and_heading(name: str) -> None:
    """For whoever listens to it; and nothing of it runs, or is fetched from anywhere."""
    text = page(name, **TEMPLATES[name]).body.decode()

    assert '<html lang="en">' in text
    assert re.search(r"<title>[^<]+ · Pushline</title>", text)
    assert text.count("<h1>") == text.count("<main>") == 1
    assert not re.search(r"<(script|img|link|iframe|object)|\son[a-z]+=|https?://|url\(", text)
    assert text.count("<input id=") == text.count("<label for=")
