"""Labels: each tenant's first part of its host names, allotted once and for ever.

Reads   tenant.labelled/1
"""

import hashlib
import re
from collections.abc import Collection
from itertools import count
from typing import Final

import msgspec

from schemas.envelope import Aggregate, Recorded
from schemas.events import Event
from schemas.events.tenant import TenantLabelled

# GitHub's longest login; `<environment>--<label>` has to fit into a DNS label of 63 characters
LONGEST: Final = 39
RESERVED: Final = frozenset(
    {
        *("localhost", "system", "www", "api", "auth", "login", "admin", "root", "status"),
        *("git", "github-event", "gitlab-event", "function", "functions", "dashboard", "static"),
        *("metrics", "health", "healthz", "pushline", "mail", "smtp", "ns", "autoconfig", "wpad"),
    }
)


class Labelled(msgspec.Struct, frozen=True):
    """A tenant's label."""

    label: str


def key_of(tenant: Aggregate) -> str:
    """Return the key of a tenant's row."""
    return f"{tenant.forge} {tenant.id}"


def key(event: Recorded[Event]) -> str | None:
    """Return whose row a fact belongs to."""
    return key_of(event.of) if isinstance(event.fact, TenantLabelled) else None


def reduce(labelled: Labelled | None, event: Recorded[Event]) -> Labelled | None:
    """Return the tenant's label; the first one holds."""
    if labelled is None and isinstance(event.fact, TenantLabelled):
        return Labelled(event.fact.label)
    return labelled


def slug(owner: str) -> str:
    """Return the owner's login as a DNS label; ``--`` never stands in one."""
    text = re.sub(r"[^a-z0-9]+", "-", owner.lower()).strip("-")[:LONGEST].strip("-")
    return text or "t" + hashlib.sha256(owner.encode()).hexdigest()[:8]


def allot(owner: str, taken: Collection[str]) -> str:
    """Return a label that nobody has: the login, or the login with a number."""
    wanted = slug(owner)
    if wanted not in taken and wanted not in RESERVED:
        return wanted
    for number in count(2):
        tail = f"-{number}"
        label = wanted[: LONGEST - len(tail)].strip("-") + tail
        if label not in taken:
            return label
    raise AssertionError
