"""`pushline projects`: the repositories that Pushline knows, and what of them goes where."""

import sys
from typing import Annotated

from cyclopts import App, Parameter

from edge.api.asked import Configured
from edge.api.projects import Project
from edge.api.shapes import Page
from edge.cli.client import Api
from edge.cli.moment import MomentOption, moment
from edge.cli.output import as_json, state, table, when
from edge.cli.where import HERE, At, JsonOption, target
from schemas.environments import seconds_of
from schemas.errors import SettingInvalid

app = App(name="projects", help="See the repositories that push here, say what of them goes where.")


@app.command
def ls(
    *, limit: int = 100, then: MomentOption = "", json: JsonOption = False, at: At = HERE
) -> int:
    """List projects by name.

    Parameters
    ----------
    limit
        At most so many.
    """
    api = Api(target(at))
    found = list(api.pages("/api/projects", Page[Project], limit, at=moment(then)))
    if json:
        as_json(found)
        return 0
    rows = [
        (
            row.name,
            row.forge,
            row.production_branch or row.default_branch,
            ", ".join(row.functions),
            state(row.last_outcome),
            row.last_run,
            when(row.last_time) if row.last_time else "",
        )
        for row in found
    ]
    headings = ("PROJECT", "FORGE", "BRANCH", "FUNCTIONS", "LAST", "RUN", "TIME")
    table(headings, rows, empty="no projects yet: push something")
    return 0


@app.command
def set(
    project: str,
    *,
    branch: str | None = None,
    previews: Annotated[
        str | None, Parameter(help="stack, none, or patterns: feature/*,beta,pull-requests")
    ] = None,
    expire: Annotated[str, Parameter(help="12h, 7d, 2w: how long previews live unused.")] = "",
    json: JsonOption = False,
    at: At = HERE,
) -> int:
    """Say which branch goes to production, and which previews there are; what is left out stays.

    Parameters
    ----------
    project
        owner/name.
    branch
        The branch of production; empty: the forge's default branch.
    """
    api = Api(target(at))
    body: dict[str, object] = {"project": project}
    now = _now(api, project)
    body["branch"] = now.production_branch if branch is None else branch
    if previews is None:
        body["previews"] = now.previews
    elif previews != "stack":
        body["previews"] = _wanted(previews, expire)
    done = api.send("PUT", "/api/project-settings", Configured, body)
    if json:
        as_json([done])
        return 0
    there = done.branch or f"{now.default_branch}, the default branch"
    sys.stdout.write(f"{done.project}: production is {there}; previews {_said(done)}\n")
    return 0


def _now(api: Api, project: str) -> Project:
    for row in api.pages("/api/projects", Page[Project], 0):
        if row.name.lower() == project.lower():
            return row
    raise SettingInvalid(f"there is no project {project}", hint="`pushline projects ls` shows all")


def _wanted(said: str, expire: str) -> dict[str, object]:
    words = [] if said == "none" else [word.strip() for word in said.split(",") if word.strip()]
    branches = [word for word in words if word != "pull-requests"]
    seconds = seconds_of(expire) if expire else 0
    if seconds is None:
        raise SettingInvalid(f"--expire: {expire} is no time", hint="such as 12h, 7d or 2w")
    wants_pulls = len(branches) < len(words)
    return {"branches": branches, "pull_requests": wants_pulls, "expire": seconds}


def _said(done: Configured) -> str:
    if done.previews is None:
        return "as stack.yml says"
    words = [*done.previews.branches, *["pull requests"] * done.previews.pull_requests]
    return ", ".join(words) or "none"
