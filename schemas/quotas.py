"""Quotas: what an account may have, and in which respects a run would go beyond. Pure.

An account is a forge's owner; all groups within one of GitLab's are one. What counts is told by
``schemas.using``.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from schemas.events.run import Problem
from schemas.using import NOTHING, Held, Need, Using, need_of


class Quota(msgspec.Struct, frozen=True, kw_only=True):
    """The most that an account may have; 0: any number."""

    functions: int = 0
    replicas: int = 0
    memory: int = 0  # MiB
    builds: int = 0  # at once, in each builder


UNLIMITED: Final = Quota()


def used(rows: Iterable[Using], whose: str) -> Need:
    """Return what all projects of an account use together."""
    total = NOTHING
    for row in rows:
        if row.account == whose:
            for held in row.functions.values():
                total += need_of(row, held)
    return total


def over(
    quota: Quota,
    rows: Mapping[str, Using],
    *,
    project: str,
    whose: str,
    environment: str,
    asked: Mapping[str, Need],
) -> tuple[Problem, ...]:
    """Return in which respects a run would take its account beyond its quota.

    ``asked`` is what each of its functions needs. A run that makes nothing worse is let in, also
    where a quota was lowered since.
    """
    before = used(rows.values(), whose)
    row, after = rows.get(project, Using()), before
    for function, need in asked.items():
        held = row.functions.get(f"{environment}/{function}", Held())
        known = need_of(row, held) if row.account == whose else NOTHING
        after = after + (known | need) - known
    return tuple(
        _problem(whose, (name, unit), getattr(quota, name), getattr(before, name), total)
        for name, unit, total in (
            ("functions", "functions", after.functions),
            ("replicas", "replicas", after.replicas),
            ("memory", "MiB of memory", after.memory),
        )
        if 0 < getattr(quota, name) < total and total > getattr(before, name)
    )


def _problem(whose: str, kind: tuple[str, str], most: int, before: int, total: int) -> Problem:
    name, unit = kind
    tenant = whose.replace(" ", "/", 1)
    return Problem(
        f"the quota of {unit} is over by {total - most}: {tenant} may have {most} and would have "
        f"{total}; {before} in all environments of its projects, previews too, and "
        f"{total - before} new",
        "ask for less, or end previews with `pushline previews rm`, and push again; what left a "
        "stack counts until `pushline collect ls` shows it no more; an operator allows more with "
        f"`pushline quotas set {tenant} --{name} {total}`",
        field="functions",
    )
