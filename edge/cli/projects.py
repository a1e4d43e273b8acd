"""`pushline projects`: the repositories that Pushline knows."""

from cyclopts import App

from edge.api.projects import Project
from edge.api.shapes import Page
from edge.cli.client import Api
from edge.cli.moment import MomentOption, moment
from edge.cli.output import as_json, state, table, when
from edge.cli.where import HERE, At, JsonOption, target

app = App(name="projects", help="See the repositories that push here.")


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
            ", ".join(row.functions),
            state(row.last_outcome),
            row.last_run,
            when(row.last_time) if row.last_time else "",
        )
        for row in found
    ]
    headings = ("PROJECT", "FORGE", "FUNCTIONS", "LAST", "RUN", "TIME")
    table(headings, rows, empty="no projects yet: push something")
    return 0
