"""Whose secret a path means: names as people write them, found among the projects we know."""

import difflib
from collections.abc import Iterable
from typing import Final

from edge.api.problems import AmbiguousId, NotFound
from edge.api.projects import Project
from edge.git.names import target
from schemas.secrets import FORGES, Scope, SecretInvalid
from schemas.tenants import lineage

SHOWN: Final = 5  # names in a hint


def resolve(of: str, forge: str, places: Iterable[Scope]) -> Scope:
    """Return the project ``owner/name``, or the tenant ``owner``; upper case means lower case.

    An owner may have slashes itself.

    ``places`` are the projects that are known, and whatever has a secret already. With ``forge``
    said, a tenant need not be known, and neither a project of the local forge: its first push may
    want the secret. Raises NotFound, AmbiguousId, and SecretInvalid.
    """
    if forge and forge not in FORGES:
        raise SecretInvalid(f"forge: there is no {forge!r}", hint=", ".join(FORGES))
    known = list(places)
    fitting = (_fitting(of.lower(), place) for place in known if forge in ("", place.forge))
    found = {(scope.forge, scope.project): scope for scope in fitting if scope}
    match list(found.values()):
        case [scope]:
            return scope
        case []:
            return _unknown(of.lower(), forge, known)
        case several:
            forges = ", ".join(sorted({scope.forge for scope in several}))
            raise AmbiguousId(f"{of} is known to {forges}", hint="say which: --forge")


def of_projects(rows: Iterable[Project]) -> list[Scope]:
    """Return the places of projects."""
    return [Scope(row.forge, row.name, row.project) for row in rows]


def _fitting(of: str, place: Scope) -> Scope | None:
    if place.project and place.of.lower() == of:
        return place
    return Scope(place.forge, of) if of in lineage(place.owner) else None


def _unknown(of: str, forge: str, known: Iterable[Scope]) -> Scope:
    if forge and of and "/" not in of:
        return Scope(forge, of)
    if forge == "local" and (found := target(f"/git/{of}.git/info/refs")):
        return Scope(forge, found.project, found.project)
    names = sorted({place.of for place in known} | {place.owner for place in known})
    near = (difflib.get_close_matches(of, names, SHOWN) or names)[:SHOWN]
    there = f"there are {', '.join(near)}" if near else "nothing was pushed yet"
    raise NotFound(
        f"no project or tenant {of[:100] or '(empty)'}",
        hint=f"{there}; ahead of a first push say the forge as well: --forge local",
    )
