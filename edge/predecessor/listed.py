"""One function as the predecessor listed it: a FunctionStatus with its labels and annotations.

Not as the predecessor: ``git-owner-id`` is left out, not 0; ``git-branch`` is the branch that was
pushed; and a function is listed from the log, whether whatever runs it answers or not.
"""

from datetime import datetime
from typing import Final

import msgspec

from edge.api.functions import Function
from edge.api.projects import Project
from edge.api.runs import Run
from schemas.environments import PRODUCTION

OURS: Final = "com.openfaas.cloud."


class Status(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The FunctionStatus of OpenFaaS's provider API, as far as the log knows it."""

    name: str
    image: str  # without all that stood before its first slash, as ever
    invocation_count: int
    replicas: int
    available_replicas: int
    labels: dict[str, str]
    annotations: dict[str, str]
    created_at: datetime | None


def service(row: Function) -> str:
    """Return what a function was called: by its tenant, and behind that by its environment."""
    whole = f"{row.label}-{row.function}"
    return whole if row.environment == PRODUCTION else f"{whole}-{row.environment}"


def owner(name: str) -> str:
    """Return the owner of a project ``owner/name``; he may have slashes himself."""
    return name.rpartition("/")[0]


def status(
    row: Function, name: str, project: Project | None, run: Run | None, *, invocations: int
) -> Status:
    """Return a live function; ``name`` is its project's now."""
    reference = row.reference or row.image
    marks = {
        "git-cloud": "1",
        "git-owner": owner(name),
        "git-repo": name.rpartition("/")[2],
        "git-deploytime": str(int(row.deployed.timestamp())) if row.deployed else "",
        "git-sha": row.sha,
        "git-private": "1" if project is not None and project.private else "0",
        "git-scm": row.forge,
        "git-branch": run.branch if run is not None else "",
    }
    whole = service(row)
    labels = {"faas_function": whole, "app": whole}
    labels |= {OURS + mark: value for mark, value in marks.items() if value}
    url = project.clone_url if project is not None else ""
    return Status(
        name=whole,
        image=reference.partition("/")[2] or reference,
        invocation_count=invocations,
        replicas=row.replicas,
        available_replicas=row.replicas,
        labels=labels,
        annotations={OURS + "git-repo-url": url} if url else {},
        created_at=row.deployed,
    )
