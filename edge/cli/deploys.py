"""`pushline deploys`: what was deployed when, by whom, and what is live of it."""

from rich.text import Text

from edge.api.shapes import Deploy, Page
from edge.cli.client import Api
from edge.cli.moment import MomentOption, moment
from edge.cli.output import as_json, duration, state, table, when
from edge.cli.where import HERE, At, JsonOption, target


def deploys(
    project: str = "",
    *,
    environment: str = "",
    function: str = "",
    limit: int = 20,
    then: MomentOption = "",
    json: JsonOption = False,
    at: At = HERE,
) -> int:
    """List deployments, newest first: commit, author, duration, digest, status.

    Parameters
    ----------
    project
        Only those of this project, owner/name.
    environment
        Only those to this one: production, branch-<slug>, pr-<n>.
    function
        Only those of functions of this name.
    limit
        About so many: all of a run are listed.
    """
    query = {
        "project": project,
        "environment": environment,
        "function": function,
        "at": moment(then),
    }
    found = list(Api(target(at)).pages("/api/deploys", Page[Deploy], limit, **query))
    if json:
        as_json(found)
        return 0
    rows = [
        (
            f"{row.label}/{row.function}",
            row.environment,
            row.revision,
            state(row.status),
            row.sha[:8],
            row.asked or row.pusher,
            when(row.begun),
            duration(row.took_ms) if row.ended else "",
            row.image.removeprefix("sha256:")[:12],
            Text(row.message or row.reason),
        )
        for row in found
    ]
    headings = (
        *("FUNCTION", "ENVIRONMENT", "REVISION", "STATUS", "COMMIT", "BY", "BEGUN", "TOOK"),
        *("DIGEST", ""),
    )
    table(headings, rows, empty="nothing was deployed yet: push something")
    return 0
