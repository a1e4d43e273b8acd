"""What GitHub's API answers, and what of it is an error.

A 200 or 404 of GitHub's own is an answer; whatever stands in between (a proxy's page, an outage)
never is. https://docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api
"""

import re
from collections.abc import Mapping
from typing import Any, Final, NoReturn

import msgspec

from consumers.forges.asking import Answer, ForgeRefused, ForgeUnavailable

SHOWN: Final = 200  # characters of GitHub's own words
ANSWERS: Final = frozenset({304, 400, 404, 409, 410, 422, 451})  # the caller knows what they mean
SUSPENDED: Final = 60.0  # seconds until somebody may have changed their mind
NEEDED: Final = "x-accepted-github-permissions"
DENIED: Final = "Resource not accessible by integration"

_NEXT: Final = re.compile(r'<([^<>]+)>\s*;(?:[^,]*;)?\s*rel="?next"?')


class Raw(msgspec.Struct, frozen=True):
    """An answer as it came, or as it came when GitHub says that nothing has changed."""

    status: int
    body: bytes
    headers: Mapping[str, str]  # names in lower case

    def __repr__(self) -> str:
        """Return the status; tokens are in the body."""
        return f"Raw({self.status})"

    @property
    def says(self) -> str:
        """Return GitHub's own sentence about an error, "" for none."""
        try:
            return msgspec.json.decode(self.body, type=_Error).message[:SHOWN]
        except (msgspec.DecodeError, UnicodeDecodeError):
            return ""

    @property
    def is_json(self) -> bool:
        """Tell whether it is of the API, not of something in between."""
        return "json" in self.headers.get("content-type", "")

    def answer(self) -> Answer:
        """Return it read; ForgeUnavailable where it is no JSON after all."""
        body: Any = None
        if self.body:
            try:
                body = msgspec.json.decode(self.body)
            except (msgspec.DecodeError, UnicodeDecodeError):
                raise ForgeUnavailable(
                    f"GitHub answered {self.status} with broken JSON",
                    hint="is PUSHLINE_GITHUB_URL right, and nothing in between?",
                ) from None
        return Answer(self.status, body, self.headers)


class _Error(msgspec.Struct):
    message: str = ""


def following(answer: Answer) -> str:
    """Return the address of a list's next page, "" for the last."""
    found = _NEXT.search(answer.headers.get("link", ""))
    return found[1] if found else ""


def judged(answer: Raw, what: str) -> Raw:
    """Return an answer that is one; raises ForgeUnavailable, ForgeRefused for the others.

    ``what`` was asked, method and path. Limits were looked at before.
    """
    status = answer.status
    if 200 <= status < 300 or (status in ANSWERS and (status == 304 or answer.is_json)):
        return answer
    if status in (401, 403) and answer.is_json:
        _refused(answer, what)
    raise ForgeUnavailable(
        f"GitHub answered {status} to {what}", hint="it is asked again by itself"
    )


def _refused(answer: Raw, what: str) -> NoReturn:
    said = answer.says or str(answer.status)
    if answer.status == 401:
        raise ForgeRefused(
            f"GitHub does not believe the App: {said}",
            hint="compare PUSHLINE_GITHUB_APP_ID and its key with the App's page; is the clock "
            "right?",
        )
    if needed := answer.headers.get(NEEDED, ""):
        raise ForgeRefused(
            f"GitHub refuses {what}: {said}",
            hint=f"the App needs the permission {needed}: grant it on the App's page, then each "
            "owner accepts it",
        )
    if "suspended" in said:
        raise ForgeUnavailable(  # it may end any moment, and nothing was decided against us
            f"GitHub refuses {what}: {said}",
            hint="its owner unsuspends it in their settings; then it goes on by itself",
            after=SUSPENDED,
        )
    raise ForgeRefused(f"GitHub refuses {what}: {said}", hint="`pushline doctor` compares the App")
