"""Causes: every answer that the router gives of its own, with what to do about it."""

from http import HTTPStatus
from typing import Final

import msgspec


class Cause(msgspec.Struct, frozen=True):
    """Why the router itself answers; ``name`` is the header ``X-Pushline-Cause``."""

    status: HTTPStatus
    name: str
    text: str  # what happened, and what to do next
    location: str = ""  # where to ask instead
    more: str = ""  # whole header lines, each with its CRLF

    def response(self, *, close: bool, head_only: bool = False) -> bytes:
        """Return the whole HTTP response."""
        body = f"{self.text}\n".encode()
        later = "Retry-After: 1\r\n" if self.status == HTTPStatus.SERVICE_UNAVAILABLE else ""
        where = f"Location: {self.location}\r\n" if self.location else ""
        head = (
            f"HTTP/1.1 {self.status.value} {self.status.phrase}\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n"
            f"Content-Length: {len(body)}\r\n"
            f"X-Pushline-Cause: {self.name}\r\n"
            f"Cache-Control: no-store\r\n{later}{where}{self.more}"
            f"{'Connection: close' if close else 'Connection: keep-alive'}\r\n\r\n"
        ).encode()
        return head if head_only else head + body


class Refused(Exception):
    """A request that goes no further."""

    def __init__(self, cause: Cause) -> None:
        """Keep the cause; the caller is told of it."""
        super().__init__(cause.name)
        self.cause = cause


def _bad(name: str, text: str) -> Cause:
    return Cause(HTTPStatus.BAD_REQUEST, name, text)


BAD_REQUEST_LINE: Final = _bad(
    "bad_request_line", "The request line is not one of HTTP/1.1. Send METHOD /path HTTP/1.1."
)
BAD_METHOD: Final = _bad("bad_method", "This method is not served here; CONNECT and TRACE never.")
BAD_TARGET: Final = _bad(
    "bad_target",
    "The path is not canonical. Send it without escaped slashes and dots that climb, without"
    " control bytes, spaces, backslashes and fragments, with whole %XX escapes.",
)
NOT_CLEAN: Final = Cause(
    HTTPStatus.MOVED_PERMANENTLY,
    "not_clean",
    "The path has empty or dot segments. Ask for it without them: see Location.",
)


def moved(target: bytes, *, same_method: bool) -> Cause:
    """Return the answer to a path that has a clean form; POST stays POST."""
    return msgspec.structs.replace(
        NOT_CLEAN,
        status=HTTPStatus.PERMANENT_REDIRECT if same_method else NOT_CLEAN.status,
        location=target.decode(),
    )


BAD_HOST: Final = _bad("bad_host", "The Host header is missing, doubled or not a host name.")
BAD_HEADER: Final = _bad(
    "bad_header", "A header line is not one of HTTP/1.1: Name: value, each line ended by CRLF."
)
BAD_FRAMING: Final = _bad(
    "bad_framing",
    "Where the body ends is not plain. Send one Content-Length of digits, or"
    " Transfer-Encoding: chunked, not both.",
)
BAD_CHUNK: Final = _bad(
    "bad_chunk", "The chunked body is malformed. Send plain hexadecimal sizes, no extensions."
)
HEAD_TOO_LARGE: Final = Cause(
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    "head_too_large",
    "The request's head is over 64 KiB or 100 lines. Send fewer or smaller headers.",
)
BAD_EXPECTATION: Final = Cause(
    HTTPStatus.EXPECTATION_FAILED,
    "bad_expectation",
    "Expect knows 100-continue alone. Leave the header out.",
)
BAD_VERSION: Final = Cause(
    HTTPStatus.HTTP_VERSION_NOT_SUPPORTED,
    "bad_version",
    "This port speaks HTTP/1.1 and HTTP/1.0. Send one of them.",
)
REQUEST_TIMEOUT: Final = Cause(
    HTTPStatus.REQUEST_TIMEOUT,
    "request_timeout",
    "The request did not arrive in time. Send it again, without long pauses.",
)
NO_HOST: Final = Cause(
    HTTPStatus.NOT_FOUND,
    "no_host",
    "Nothing answers at this host name. See `pushline functions ls` for those that do.",
)
NO_FUNCTION: Final = Cause(
    HTTPStatus.NOT_FOUND,
    "no_function",
    "No function of this name is live here. See `pushline functions ls`, or push one.",
)
AMBIGUOUS_NAME: Final = Cause(
    HTTPStatus.NOT_FOUND,
    "ambiguous_name",
    "Two functions share this joined name. Call yours at its own host name instead.",
)
UPSTREAM_REFUSED: Final = Cause(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "upstream_refused",
    "What serves this takes no connections now. Try again; then see `pushline functions logs`.",
)
UPSTREAM_CONNECT_TIMEOUT: Final = Cause(
    HTTPStatus.GATEWAY_TIMEOUT,
    "upstream_connect_timeout",
    "What serves this did not take the connection in time. Try again.",
)
UPSTREAM_TIMEOUT: Final = Cause(
    HTTPStatus.GATEWAY_TIMEOUT,
    "upstream_timeout",
    "What serves this did not answer in time. See `pushline functions logs`.",
)
UPSTREAM_CLOSED: Final = Cause(
    HTTPStatus.BAD_GATEWAY,
    "upstream_closed",
    "What serves this hung up before it answered. See `pushline functions logs`.",
)
UPSTREAM_INVALID: Final = Cause(
    HTTPStatus.BAD_GATEWAY,
    "upstream_invalid",
    "What serves this did not answer in HTTP/1.1. See `pushline functions logs`.",
)
OVERLOADED: Final = Cause(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "overloaded",
    "The router holds as many connections as it may. Try again in a moment.",
)
SIGN_IN: Final = Cause(
    HTTPStatus.UNAUTHORIZED,
    "sign_in",
    "This function answers to known callers only. Sign in, or send a token of yours.",
    more='WWW-Authenticate: Bearer realm="pushline"\r\n',
)


def sign_in_at(location: str) -> Cause:
    """Return the answer to a browser that opens a closed page: it can sign in, and come back."""
    return msgspec.structs.replace(SIGN_IN, status=HTTPStatus.SEE_OTHER, location=location, more="")


NOT_ALLOWED: Final = Cause(
    HTTPStatus.FORBIDDEN,
    "not_allowed",
    "You may not call this function. Ask its owners to let you in.",
)
POLICY_UNKNOWN: Final = Cause(
    HTTPStatus.FORBIDDEN,
    "policy_unknown",
    "This route has a policy that this router does not know: nobody is let in. Update the router.",
)
POLICY_UNAVAILABLE: Final = Cause(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "policy_unavailable",
    "Who may call this cannot be told now, so nobody is let in. Try again.",
)
BODY_TOO_LARGE: Final = Cause(
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "body_too_large",
    "The body is larger than this function takes. Send less, or raise its body-limit.",
)
TOTAL_TIMEOUT: Final = Cause(
    HTTPStatus.GATEWAY_TIMEOUT,
    "total_timeout",
    "The request took longer than this function may. Ask for less, or raise its total-timeout.",
)
RATE_LIMITED: Final = Cause(
    HTTPStatus.TOO_MANY_REQUESTS,
    "rate_limited",
    "This function takes no more requests of yours for a moment. Wait, see Retry-After.",
)


TOO_MANY_CONNECTIONS: Final = Cause(
    HTTPStatus.TOO_MANY_REQUESTS,
    "too_many_connections",
    "Your address has as many connections as it may. Close some, or ask over those there are.",
    more="Retry-After: 1\r\n",
)


def rate_limited(seconds: int) -> Cause:
    """Return the answer to a request that comes too soon."""
    return msgspec.structs.replace(RATE_LIMITED, more=f"Retry-After: {max(seconds, 1)}\r\n")
