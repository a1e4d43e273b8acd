"""`pushline keys`: the keys that sign people in."""

import sys
from typing import Annotated

from cyclopts import App, Parameter

from edge.api.asked import KeyViews, KeyWritten
from edge.cli.client import Api
from edge.cli.output import as_json, table, when
from edge.cli.where import HERE, At, JsonOption, target

app = App(name="keys", help="List, rotate and retire the keys that sign people in.")


@app.command
def ls(*, json: JsonOption = False, at: At = HERE) -> int:
    """List all keys there ever were, newest first."""
    found = Api(target(at)).get("/api/keys", KeyViews).items
    if json:
        as_json(found)
        return 0
    rows = [
        (row.kid, when(row.published), when(row.retired) if row.retired else "good")
        for row in found
    ]
    headings = ("KEY", "PUBLISHED", "RETIRED")
    table(headings, rows, empty="no keys: the first sign-in makes one")
    return 0


@app.command
def rotate(*, at: At = HERE) -> int:
    """Sign people in by a new key, in a few seconds; nobody is signed out.

    The one before is retired by itself once no session by it can live any more.
    """
    made = Api(target(at)).send("POST", "/api/keys", KeyWritten)
    sys.stdout.write(f"{made.kid} signs in a few seconds\n")
    return 0


@app.command
def retire(kid: Annotated[str, Parameter(help="Of `keys ls`.")], *, at: At = HERE) -> int:
    """Let nothing that a key signed be good any more: for one that may have been read.

    Everybody whose session it signed signs in again.
    """
    gone = Api(target(at)).send("DELETE", f"/api/keys/{kid}", KeyWritten)
    sys.stdout.write(f"nothing that {gone.kid} signed is good any more\n")
    return 0
