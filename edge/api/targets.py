"""What people name in a request and mean by it: a project, and a preview of it."""

from edge.api.environments import Environment
from edge.api.problems import AmbiguousId, NotFound
from edge.api.projects import Project
from edge.api.runs import Run
from edge.api.views import Sees, Views


def project_of(views: Views, name: str, forge: str, sees: Sees) -> Project:
    """Return a project by ``owner/name``; raises NotFound, AmbiguousId."""
    wanted = name.strip("/").lower()
    found = [
        row
        for row in views.projects.rows.values()
        if wanted in (row.name.lower(), row.project.lower())
        and forge in ("", row.forge)
        and views.seen(row, sees)
    ]
    if len(found) > 1:
        forges = ", ".join(sorted(row.forge for row in found))
        raise AmbiguousId(f"{name[:200]} is at {forges}", hint="say which one with `forge`")
    if not found:
        raise NotFound(
            f"no project {name[:200]}", hint="`pushline projects ls` shows all, as owner/name"
        )
    return found[0]


def preview_of(views: Views, project: Project, environment: str) -> Environment:
    """Return a preview that is open; raises NotFound."""
    row = views.environments.rows.get(f"{project.forge}:{project.project}:{environment}")
    if row is None or row.opened is None:
        raise NotFound(
            f"no preview {environment[:100]} of {project.name}",
            hint=f"`pushline previews ls {project.name}` shows those that there are",
        )
    return row


def newest_run(views: Views, project: Project, environment: str) -> Run | None:
    """Return the newest run of an environment."""
    place = (project.forge, project.project, environment)
    for run in reversed(views.runs.rows.values()):
        if (run.forge, run.project, run.environment) == place:
            return run
    return None
