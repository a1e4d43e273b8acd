"""`pushline collect`: functions that nobody wants any more, and keeping them."""

import sys

from cyclopts import App
from rich.text import Text

from edge.api.announced import Announced
from edge.api.asked import Undone
from edge.api.shapes import Page
from edge.cli.client import Api
from edge.cli.moment import MomentOption, moment
from edge.cli.output import as_json, table, when
from edge.cli.where import HERE, At, JsonOption, target

app = App(name="collect", help="See what is about to go, keep it, see what would go.")
app.command(
    "edge.cli.collect_plan:plan",
    name="--dry-run",
    help="Tell what goes, and why, touching nothing.",
)


@app.command
def ls(
    project: str = "", *, then: MomentOption = "", json: JsonOption = False, at: At = HERE
) -> int:
    """List the functions that go at a moment, unless somebody keeps them.

    Parameters
    ----------
    project
        Only those of this project, owner/name.
    """
    query = {"project": project, "at": moment(then)}
    found = list(Api(target(at)).pages("/api/collections", Page[Announced], 0, **query))
    if json:
        as_json(found)
        return 0
    rows = [
        (
            str(row.id),
            row.name,
            f"{row.environment}/{row.function}",
            when(row.due),
            Text(row.reason),
        )
        for row in found
    ]
    table(("ID", "PROJECT", "FUNCTION", "GOES", "WHY"), rows, empty="nothing is about to go")
    return 0


@app.command
def undo(id: int, *, reason: str = "", json: JsonOption = False, at: At = HERE) -> int:
    """Keep a function that is about to go, until there is another reason to remove it.

    Parameters
    ----------
    id
        As `collect ls` prints it.
    reason
        Why it stays, for those who read it later.
    """
    body = {"reason": reason}
    done = Api(target(at)).send("POST", f"/api/collections/{id}/undo", Undone, body)
    if json:
        as_json([done])
        return 0
    sys.stdout.write(f"{done.environment}/{done.function} of {done.label} stays\n")
    return 0
