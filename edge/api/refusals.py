"""Errors of handlers as answers: each a problem of RFC 9457."""

from typing import Any

import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException

from edge.api import problems
from schemas.errors import PushlineError, Retry

log = structlog.get_logger(__name__)


def of_pushline(
    request: Request[Any, Any, Any], error: PushlineError
) -> Response[problems.Problem]:
    """Answer an error raised on purpose."""
    return _refused(
        request, error, getattr(error, "status", 503 if isinstance(error, Retry) else 500)
    )


def of_invalid(request: Request[Any, Any, Any], error: PushlineError) -> Response[problems.Problem]:
    """Answer what was sent in a shape that cannot be taken."""
    return _refused(request, error, 422)


def of_missing(request: Request[Any, Any, Any], error: PushlineError) -> Response[problems.Problem]:
    """Answer that what is asked for is not there."""
    return _refused(request, error, 404)


def of_http(request: Request[Any, Any, Any], error: HTTPException) -> Response[problems.Problem]:
    """Answer what the framework refuses."""
    detail = error.detail
    if isinstance(error, ValidationException) and isinstance(error.extra, list):
        detail = "; ".join(f"{part.get('key')}: {part.get('message')}" for part in error.extra)
    return _response(problems.answer(error.status_code, detail, path=request.url.path))


def of_any(request: Request[Any, Any, Any], error: Exception) -> Response[problems.Problem]:
    """Answer a defect of ours: the log has what happened, the caller only that it did."""
    log.error("api_failed", path=request.url.path, exc_info=error)
    detail = "an error of Pushline itself; its log has the details"
    return _response(problems.answer(500, detail, path=request.url.path, code="internal"))


def _refused(
    request: Request[Any, Any, Any], error: PushlineError, status: int
) -> Response[problems.Problem]:
    problem = problems.answer(
        status, error.message, path=request.url.path, code=error.code, hint=error.hint
    )
    return _response(problem)


def _response(problem: problems.Problem) -> Response[problems.Problem]:
    return Response(problem, status_code=problem.status, media_type=problems.MEDIA_TYPE)
