"""Errors as RFC 9457 problems: what went wrong, its stable code, what to do about it."""

from http import HTTPStatus
from typing import ClassVar

import msgspec

from schemas.errors import PushlineError, Retry

MEDIA_TYPE = "application/problem+json"


class Problem(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The body of every answer that is no success."""

    type: str = "about:blank"
    title: str  # the status in words
    status: int
    detail: str
    code: str = ""  # stable: the error's own
    hint: str = ""  # what to do next
    instance: str = ""  # the path that was asked for


class NotFound(PushlineError):
    """Nothing by this name is known here."""

    code = "not_found"
    status: ClassVar = 404


class AmbiguousId(PushlineError):
    """The start of an id fits several."""

    code = "ambiguous_id"
    status: ClassVar = 409


class NotYet(Retry):
    """A fold has not reached the sequence asked for."""

    code = "not_yet"
    status: ClassVar = 504


def answer(status: int, detail: str, *, path: str, code: str = "", hint: str = "") -> Problem:
    """Return the problem of a status."""
    title = HTTPStatus(status).phrase
    return Problem(title=title, status=status, detail=detail, code=code, hint=hint, instance=path)
