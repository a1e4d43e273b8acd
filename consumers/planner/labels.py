"""Labels: each tenant's first part of its host names, allotted once and for ever.

Reads   tenant.labelled/1, tenant.renamed/1
"""

import hashlib
import re
from collections.abc import Collection, Mapping
from itertools import count
from typing import Final

import msgspec
from msgspec.structs import replace

from schemas.envelope import Aggregate, Recorded, tenant
from schemas.events import Event
from schemas.events.tenant import TenantLabelled, TenantRenamed
from schemas.tenants import lineage

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
    """A tenant's label, by the tenant's name: another account may have that name by now."""

    label: str = ""
    at: int = 0  # the sequence at which it was given
    held: tuple[str, ...] = ()  # labels that went along with whoever had this name before
    to: str = ""  # the key of the name that the account got
    moved: int = 0  # the sequence at which it did


def key_of(tenant: Aggregate) -> str:
    """Return the key of a tenant's row."""
    return f"{tenant.forge} {tenant.id}"


def key(event: Recorded[Event]) -> str | None:
    """Return whose row a fact belongs to."""
    return key_of(event.of) if isinstance(event.fact, TenantLabelled | TenantRenamed) else None


def reduce(labelled: Labelled | None, event: Recorded[Event]) -> Labelled | None:
    """Return the tenant's label: the planner gives one, and another only after a rename."""
    old = labelled or Labelled()
    match event.fact:
        case TenantRenamed(to=to):
            return replace(old, to=key_of(tenant(event.of.forge, to)), moved=event.seq)
        case TenantLabelled(label=label):
            held = (*old.held, old.label) if old.label else old.held
            return replace(old, label=label, at=event.seq, held=held)
        case _:
            return labelled


def current(rows: Mapping[str, Labelled], key: str) -> str:
    """Return a tenant's label, "" where it has none: it, or what it lies in, was renamed since."""
    row = rows.get(key)
    if row is None:
        return ""
    gone = any(rows[one].moved > row.at for one in lineage(key) if one in rows)
    return "" if gone else row.label


def inherited(rows: Mapping[str, Labelled], key: str) -> tuple[str, str]:
    """Return the label that goes over to a tenant by a rename, and who it was; "" for none."""
    given = rows[key].at if key in rows else 0
    for name, row in rows.items():
        if given < row.moved and (key == row.to or key.startswith(f"{row.to}/")):
            old = name + key[len(row.to) :]
            before = rows.get(old)
            if before is not None and before.label and before.at < row.moved:
                return before.label, old.partition(" ")[2]
    return "", ""


def taken(rows: Mapping[str, Labelled]) -> frozenset[str]:
    """Return every label that was ever given."""
    return frozenset(label for row in rows.values() for label in (row.label, *row.held) if label)


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
