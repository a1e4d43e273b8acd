"""Replies: a page, or the way to another one. No script, no outside request, in nobody's frame."""

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from edge.auth.signin.request import Send

FOLDER: Final = Path(__file__).parent / "pages"

Header = tuple[bytes, bytes]


class Reply(msgspec.Struct, frozen=True):
    """An answer, whole."""

    status: int
    body: bytes = b""
    headers: tuple[Header, ...] = ()

    def __repr__(self) -> str:
        """Return the status; cookies are in the headers."""
        return f"Reply({self.status})"

    def with_headers(self, *more: Header) -> "Reply":
        """Return it with more headers."""
        return Reply(self.status, self.body, (*self.headers, *more))

    async def send(self, send: Send) -> None:
        """Send it."""
        length = (b"content-length", b"%d" % len(self.body))
        headers = [*_safe(), length, *self.headers]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


def page(name: str, status: int = 200, **values: Any) -> Reply:
    """Return a page made of a template; what is put into it is escaped."""
    body = _templates().get_template(f"{name}.html").render(style=_style(), **values)
    kind = (b"content-type", b"text/html; charset=utf-8")
    return Reply(status, body.encode(), (kind,))


def message(
    title: str, text: str, hint: str = "", *, status: int = 400, way: tuple[str, str] | None = None
) -> Reply:
    """Return a page that says what happened and what to do; ``way`` is (where, its words)."""
    return page("message", status, title=title, text=text, hint=hint, way=way)


def to(url: str) -> Reply:
    """Return the way to another page, which is asked for by GET."""
    return Reply(303, b"", ((b"location", url.encode("ascii")),))


@cache
def _templates() -> Environment:
    made = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters["prose"] = _prose
    return made


def _prose(text: str) -> Markup:
    """Return a sentence of ours: a capital first, what stands in backticks as code."""
    parts = [escape(part) for part in f"{text[:1].upper()}{text[1:]}.".split("`")]
    marked = (Markup("<code>%s</code>") % part if at % 2 else part for at, part in enumerate(parts))
    return Markup("").join(marked)


@cache
def _style() -> str:
    return (FOLDER / "style.css").read_text(encoding="utf-8")


@cache
def _safe() -> tuple[Header, ...]:
    """Return what every answer carries; the one style is known by its hash."""
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    )
    return (
        (b"content-security-policy", policy.encode()),
        (b"x-frame-options", b"DENY"),
        (b"x-content-type-options", b"nosniff"),
        (b"cross-origin-opener-policy", b"same-origin"),
        # not no-referrer: a form's Origin would be null, and our own pages foreign to us
        (b"referrer-policy", b"same-origin"),
        (b"cache-control", b"no-store"),
    )
