"""What GitLab's answers mean. Pure."""

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import msgspec

from consumers.forges.asking import Answer, ForgeRefused, ForgeUnavailable

OURS: Final = frozenset((304, 400, 404, 405, 409, 410, 412, 422))  # about what was asked
AWAY: Final = "it goes on by itself once GitLab is there; is PUSHLINE_GITLAB_URL right?"
LONGEST: Final = 300  # characters of GitLab's own words in an error

_NEXT: Final = re.compile(r'<([^>]*)>\s*;\s*rel="?next"?')


def judged(answer: Answer, kind: str, asked: str) -> Answer:
    """Return an answer that says something; raises for all others.

    ``kind`` is its content type: in front of GitLab, or in its place, others answer in HTML.
    """
    status = answer.status
    if 300 <= status < 400 and status != 304:
        raise ForgeUnavailable(
            f"{asked}: {status}: GitLab leads elsewhere",
            hint="set PUSHLINE_GITLAB_URL to the address that it leads to",
        )
    if status >= 500:
        raise ForgeUnavailable(f"{asked}: GitLab answers {status}", hint=AWAY)
    if answer.body is msgspec.UNSET or (answer.body is not None and kind != "application/json"):
        raise ForgeUnavailable(
            f"{asked}: {status}, and no JSON: it is not GitLab's API that answers",
            hint="compare PUSHLINE_GITLAB_URL with the address in a browser",
        )
    if 200 <= status < 300 or status in OURS:
        return answer
    if status == 401:
        raise ForgeRefused(
            f"{asked}: GitLab does not take our token",
            hint="it has expired or was revoked: make another with the scope api, and set "
            "PUSHLINE_GITLAB_TOKEN",
        )
    if status == 403:
        raise _forbidden(answer, asked)
    raise ForgeUnavailable(f"{asked}: GitLab answers {status}")


def _forbidden(answer: Answer, asked: str) -> ForgeRefused:
    scope = answer.body.get("scope", "") if isinstance(answer.body, dict) else ""
    if isinstance(answer.body, dict) and answer.body.get("error") == "insufficient_scope":
        wanted = f"the scope {scope}" if scope else "a scope that it has not"
        return ForgeRefused(
            f"{asked}: our token needs {wanted}",
            hint="make one with the scope api, and set PUSHLINE_GITLAB_TOKEN",
        )
    return ForgeRefused(
        f"{asked}: GitLab forbids it: {words(answer)}",
        hint="give the token's user the role Developer, or for webhooks Maintainer, in the project "
        "or its group",
    )


def words(answer: Answer) -> str:
    """Return what GitLab itself says of an error, short."""
    body: Any = answer.body
    if isinstance(body, dict):
        body = body.get("message") or body.get("error_description") or body.get("error") or ""
    said = body if isinstance(body, str) else msgspec.json.encode(body).decode()
    return said[:LONGEST]


def following(answer: Answer, asked: Mapping[str, str]) -> dict[str, str] | None:
    """Return the query of the next page, None after the last.

    Of the link only what it asks for is taken: behind a proxy GitLab may name itself otherwise,
    and a link elsewhere must not get our token. Each page has to ask for something new.
    """
    if answer.status != 200 or (link := _NEXT.search(answer.headers.get("link", ""))) is None:
        return None
    query = dict(parse_qsl(urlsplit(link[1]).query, keep_blank_values=True))
    if query == dict(asked):
        raise ForgeUnavailable("GitLab's list does not end: a page leads to itself")
    return query
