"""Environments: where a run goes. One is production; previews are named after what they show.

An environment's name is the first part of a host, ``<environment>--<label>``, which has to fit
into a DNS label of 63 characters; a tenant's label takes up to 39 of them.
"""

import hashlib
import re
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Final, Literal

import msgspec

PRODUCTION: Final = "production"
Kind = Literal["production", "previews"]
PREVIEW_DAYS: Final = 7  # that a preview lives unused, where nobody says otherwise
PREVIEWS_MOST: Final = 20  # of one project at the same time, where nobody says otherwise
LONGEST: Final = 90 * 86400  # seconds that a preview may live unused

_SPAN: Final = re.compile(r"([1-9]\d{0,3})([hdw])")
_UNITS: Final = {"h": 3600, "d": 86400, "w": 604800}
_BRANCH: Final = "branch-"
_PULL: Final = "pr-"
_SLUG: Final = 15  # characters of a slug: 63 - 39 - len("--") - len("branch-")
_HASH: Final = 8
_PLAIN: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_HASHED: Final = re.compile(rf"(.*-)?[0-9a-f]{{{_HASH}}}")


class Previews(msgspec.Struct, frozen=True):
    """Which branches and pull requests get an environment of their own, and for how long."""

    branches: tuple[str, ...] = ()  # patterns; * is any text, slashes too
    pull_requests: bool = False
    expire: int = 0  # seconds without a run until it is closed; 0: the operator's default

    def takes(self, branch: str) -> bool:
        """Tell whether a branch is to have a preview."""
        return any(fnmatchcase(branch, pattern) for pattern in self.branches)

    def life(self, days: int) -> timedelta:
        """Return how long one stays after its last run; ``days`` where nothing is said."""
        return timedelta(seconds=self.expire) if self.expire else timedelta(days=days)


def seconds_of(span: str) -> int | None:
    """Return what ``12h``, ``7d`` or ``2w`` means; None for what is no time, or too long a one."""
    found = _SPAN.fullmatch(span)
    seconds = int(found[1]) * _UNITS[found[2]] if found else 0
    return seconds if 0 < seconds <= LONGEST else None


def of_branch(branch: str) -> str:
    """Return the name of a branch's preview; two branches never share one.

    What cannot stand in a host, or would take too much room, is told apart by a hash.
    """
    if len(branch) <= _SLUG and _PLAIN.fullmatch(branch) and not _HASHED.fullmatch(branch):
        return _BRANCH + branch
    start = re.sub(r"[^a-z0-9]+", "-", branch.lower()).strip("-")
    mark = hashlib.sha256(branch.encode()).hexdigest()[:_HASH]
    return _BRANCH + f"{start[: _SLUG - _HASH - 1].strip('-')}-{mark}".strip("-")


def of_pull(number: int) -> str:
    """Return the name of a pull request's preview."""
    return f"{_PULL}{number}"


def is_preview(environment: str) -> bool:
    """Tell whether an environment goes with its branch or pull request."""
    return environment.startswith((_BRANCH, _PULL))


def kind_of(environment: str) -> Kind:
    """Return what an environment is; whatever is not production is a preview."""
    return "production" if environment == PRODUCTION else "previews"
