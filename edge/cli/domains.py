"""`pushline domains`: hosts of your own that lead to functions."""

import sys
from typing import Annotated, TypeAlias

from cyclopts import App, Parameter

from edge.api.shapes import DomainView, DomainWritten, Page
from edge.cli.client import Api
from edge.cli.moment import MomentOption, moment
from edge.cli.output import as_json, table, when
from edge.cli.where import HERE, At, JsonOption, target

app = App(name="domains", help="Lead hosts of your own to functions.")

Host: TypeAlias = Annotated[str, Parameter(help="As shop.example.com; its DNS has to lead here.")]


@app.command
def add(
    host: Host,
    place: Annotated[
        str, Parameter(help="TENANT: all of its functions, by path; TENANT/FUNCTION: one, at /.")
    ],
    *,
    at: At = HERE,
) -> int:
    """Lead a host to a tenant's production functions, or to one of them.

    TLS and its certificate stay with the proxy in front.
    """
    label, _, function = place.strip("/").partition("/")
    body = {"label": label, "function": function}
    done = Api(target(at)).send("PUT", f"/api/domains/{host}", DomainWritten, body)
    sys.stdout.write(f"{done.host} leads to {place.strip('/')}\n")
    return 0


@app.command
def rm(host: Host, *, at: At = HERE) -> int:
    """Lead a host nowhere."""
    gone = Api(target(at)).send("DELETE", f"/api/domains/{host}", DomainWritten)
    sys.stdout.write(f"{gone.host} leads nowhere\n")
    return 0


@app.command
def ls(*, then: MomentOption = "", json: JsonOption = False, at: At = HERE) -> int:
    """List hosts and where they lead."""
    api = Api(target(at))
    found = list(api.pages("/api/domains", Page[DomainView], 0, at=moment(then)))
    if json:
        as_json(found)
        return 0
    rows = [
        (row.host, f"{row.label}/{row.function}".removesuffix("/"), when(row.mapped), row.by)
        for row in found
    ]
    empty = "no domains: pushline domains add HOST TENANT[/FUNCTION]"
    table(("HOST", "LEADS TO", "SINCE", "BY"), rows, empty=empty)
    return 0
