"""Whose secret a path means: names as people write them, found among the projects we know."""

import difflib
from collections.abc import Iterable
from typing import Final

from edge.api.problems import AmbiguousId, NotFound
from edge.api.projects import Project
from edge.git.names import target
from schemas.secrets import FORGES, Scope, SecretInvalid

SHOWN: Final = 5  # names in a hint


def resolve(of: str, forge: str, projects: Iterable[Project]) -> Scope:
    """Return the project ``owner/name``, or the tenant ``owner``; upper case means lower case.

    With ``forge`` said, a tenant need not be known yet, and neither a project of the local forge:
    its first push may want the secret. Raises NotFound, AmbiguousId, and SecretInvalid.
    """
    if forge and forge not in FORGES:
        raise SecretInvalid(f"forge: there is no {forge!r}", hint=", ".join(FORGES))
    rows = list(projects)
    found = {
        scope: None
        for row in rows
        if forge in ("", row.forge) and (scope := _fitting(of.lower(), row)) is not None
    }
    match list(found):
        case [scope]:
            return scope
        case []:
            return _unknown(of.lower(), forge, rows)
        case several:
            forges = ", ".join(sorted(scope.forge for scope in several))
            raise AmbiguousId(f"{of} is known to {forges}", hint="say which: forge")


def _fitting(of: str, row: Project) -> Scope | None:
    if "/" in of:
        return Scope(row.forge, row.name, row.project) if row.name.lower() == of else None
    owner = row.name.partition("/")[0].lower()
    return Scope(row.forge, owner) if owner == of else None


def _unknown(of: str, forge: str, rows: Iterable[Project]) -> Scope:
    if forge and of and "/" not in of:
        return Scope(forge, of)
    if forge == "local" and (found := target(f"/git/{of}.git/info/refs")):
        return Scope(forge, found.project, found.project)
    names = sorted({row.name for row in rows} | {row.name.partition("/")[0] for row in rows})
    near = (difflib.get_close_matches(of, names, SHOWN) or names)[:SHOWN]
    known = f"known are {', '.join(near)}" if near else "nothing was pushed yet"
    raise NotFound(
        f"no project or tenant {of[:100] or '(empty)'}",
        hint=f"{known}; ahead of a first push say the forge too: local",
    )
