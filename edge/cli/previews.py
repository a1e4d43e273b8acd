"""`pushline previews`: branches and pull requests that have an environment of their own."""

import sys
from typing import Annotated

from cyclopts import App, Parameter
from rich.text import Text

from edge.api.asked import PreviewAsked, PreviewView
from edge.api.shapes import Page
from edge.cli.client import Api
from edge.cli.moment import MomentOption, moment
from edge.cli.output import as_json, state, table, when
from edge.cli.where import HERE, At, JsonOption, target

app = App(name="previews", help="See previews, end one.")


@app.command
def ls(
    project: str = "", *, then: MomentOption = "", json: JsonOption = False, at: At = HERE
) -> int:
    """List the previews that are open.

    Parameters
    ----------
    project
        Only those of this project, owner/name.
    """
    query = {"project": project, "at": moment(then)}
    found = list(Api(target(at)).pages("/api/previews", Page[PreviewView], 0, **query))
    if json:
        as_json(found)
        return 0
    rows = [
        (
            row.name,
            row.environment,
            row.branch,
            row.sha[:8],
            state(row.outcome) if row.outcome else "",
            when(row.until) if row.until else "",
            _answers(row),
        )
        for row in found
    ]
    headings = ("PROJECT", "PREVIEW", "BRANCH", "COMMIT", "LAST", "UNTIL", "URL")
    empty = "no previews: `previews:` in stack.yml says which branches get one"
    table(headings, rows, empty=empty)
    return 0


def _answers(row: PreviewView) -> Text:
    """Return where it answers, or what it waits for."""
    if row.held:
        cure = f"pushline run approve {row.name} {row.pull} {row.held[:12]}"
        return Text(f"a commit of {row.author} waits: {cure}")
    return Text("\n".join(row.urls.values()))


@app.command
def rm(
    environment: str,
    *,
    project: Annotated[str, Parameter(alias="-p", help="owner/name.")],
    reason: str = "",
    json: JsonOption = False,
    at: At = HERE,
) -> int:
    """End a preview before its time; a later push opens it anew.

    Parameters
    ----------
    environment
        Its name: branch-<slug> or pr-<n>.
    reason
        Why, for those who read it later.
    """
    path = f"/api/previews/{environment}"
    api = Api(target(at))
    asked = api.send("DELETE", path, PreviewAsked, project=project, reason=reason)
    if json:
        as_json([asked])
    else:
        sys.stdout.write(f"{asked.environment} of {project} is asked to end\n")
    return 0
