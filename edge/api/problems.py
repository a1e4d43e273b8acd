"""Errors as RFC 9457 problems: what went wrong, its stable code, what to do about it."""

from http import HTTPStatus
from typing import Any, ClassVar

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException

from schemas.errors import PushlineError, Retry

log = structlog.get_logger(__name__)

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


def of_pushline(request: Request[Any, Any, Any], error: PushlineError) -> Response[Problem]:
    """Answer an error raised on purpose."""
    status = getattr(error, "status", 503 if isinstance(error, Retry) else 500)
    return _response(
        answer(status, error.message, path=request.url.path, code=error.code, hint=error.hint)
    )


def of_http(request: Request[Any, Any, Any], error: HTTPException) -> Response[Problem]:
    """Answer what the framework refuses."""
    detail = error.detail
    if isinstance(error, ValidationException) and isinstance(error.extra, list):
        detail = "; ".join(f"{part.get('key')}: {part.get('message')}" for part in error.extra)
    return _response(answer(error.status_code, detail, path=request.url.path))


def of_any(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    """Answer a defect of ours: the log has what happened, the caller only that it did."""
    log.error("api_failed", path=request.url.path, exc_info=error)
    detail = "an error of Pushline itself; its log has the details"
    return _response(answer(500, detail, path=request.url.path, code="internal"))


def _response(problem: Problem) -> Response[Problem]:
    return Response(problem, status_code=problem.status, media_type=MEDIA_TYPE)
