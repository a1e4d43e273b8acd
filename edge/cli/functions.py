"""`pushline functions`: what runs where."""

import sys
from collections.abc import Iterable

from cyclopts import App
from rich.text import Text

from edge.api.asked import RunAsked
from edge.api.shapes import FunctionView, LogLine, Page, UsageView
from edge.cli.client import Api
from edge.cli.moment import MomentOption, moment
from edge.cli.output import as_json, console, duration, state, table, when
from edge.cli.releasing import ended
from edge.cli.where import HERE, At, FollowOption, JsonOption, target
from schemas.errors import PushlineError

app = App(name="functions", help="See the functions and what they write, take one back.")

PRODUCTION = "production"


class FunctionUnclear(PushlineError):
    """A name fits no function, or several."""

    code = "function_unclear"


@app.command
def ls(
    project: str = "", *, then: MomentOption = "", json: JsonOption = False, at: At = HERE
) -> int:
    """List functions and where they answer.

    Parameters
    ----------
    project
        Only those of this project, owner/name.
    """
    api = Api(target(at))
    query = {"project": project, "at": moment(then)}
    found = list(api.pages("/api/functions", Page[FunctionView], 0, **query))
    if json:
        as_json(found)
        return 0
    rows = [
        (
            full_name(row),
            state(row.status),
            Text(row.url),
            row.sha[:8],
            when(row.deployed) if row.deployed else "",
            Text(row.failure.message if row.failure else ""),
        )
        for row in found
    ]
    headings = ("FUNCTION", "STATUS", "URL", "COMMIT", "DEPLOYED", "")
    table(headings, rows, empty="no functions yet: push a repository with a stack.yml")
    return 0


@app.command
def show(name: str, *, then: MomentOption = "", json: JsonOption = False, at: At = HERE) -> int:
    """Show one function.

    Parameters
    ----------
    name
        tenant/function, or the function alone where only one tenant has it.
    """
    api = Api(target(at))
    row = find(api, name, moment(then))
    if json:
        as_json([row])
        return 0
    facts = {
        "status": row.status,
        "url": row.url,
        "project": row.name,
        "environment": row.environment,
        "commit": row.sha,
        "run": row.run,
        "revision": row.revision,
        "image": row.image,
        "deployed": when(row.deployed) if row.deployed else "",
        "start": duration(row.start_ms) if row.deployed else "",
        "deploys": str(row.deploys),
        "last hour": "" if then else _used(api, row),
        "failure": f"{row.failure.code}: {row.failure.message}" if row.failure else "",
    }
    out = console()
    out.print(Text(full_name(row), style="bold"))
    for label, value in facts.items():
        if value:
            out.print(Text.assemble((f"  {label:<12}", "bright_black"), value))
    return 0


@app.command
def logs(
    name: str,
    *,
    follow: FollowOption = False,
    limit: int = 200,
    json: JsonOption = False,
    at: At = HERE,
) -> int:
    """Print what a function wrote, the newest lines.

    Parameters
    ----------
    name
        tenant/function, or the function alone where only one tenant has it.
    limit
        At most so many of those that are there.
    """
    api = Api(target(at))
    row = find(api, name)
    path = f"/api/functions/{row.label}/{row.function}/logs"
    lines = api.lines(path, follow=follow, limit=limit, environment=row.environment)
    print_lines(lines, json=json, named=False)
    return 0


@app.command
def rollback(
    name: str,
    *,
    to: str = "",
    reason: str = "",
    json: JsonOption = False,
    at: At = HERE,
) -> int:
    """Take a function back to a revision that it had; wait until that is live.

    Parameters
    ----------
    name
        tenant/function, or the function alone where only one tenant has it; a preview's is
        tenant/function@environment.
    to
        The revision, as `pushline deploys` shows it; without it the one before.
    reason
        Why, for those who read it later.
    """
    api = Api(target(at))
    row = find(api, name)
    path = f"/api/functions/{row.label}/{row.function}/rollback"
    body = {"to": to, "environment": row.environment, "reason": reason}
    asked = api.send("POST", path, RunAsked, body)
    if json:
        as_json([asked])
        return 0
    sys.stdout.write(f"{full_name(row)} goes back as run {asked.run}\n")
    return ended(api, asked)


def _used(api: Api, row: FunctionView) -> str:
    """Return what callers got within the last hour."""
    path = f"/api/functions/{row.label}/{row.function}/usage"
    used = api.get(path, UsageView, environment=row.environment)
    if not used.invocations:
        return "no requests"
    return (
        f"{used.invocations} requests, {used.errors} errors, "
        f"half within {_short(used.p50_ms)}, 99 of 100 within {_short(used.p99_ms)}"
    )


def _short(milliseconds: float) -> str:
    return f"{milliseconds:.1f} ms" if milliseconds < 100 else duration(milliseconds)


def full_name(row: FunctionView) -> str:
    """Return the name that other commands take: with the environment where it is a preview."""
    short = f"{row.label}/{row.function}"
    return short if row.environment == PRODUCTION else f"{short}@{row.environment}"


def find(api: Api, name: str, at: str = "") -> FunctionView:
    """Return the function of this name; FunctionUnclear says which there are."""
    found = list(api.pages("/api/functions", Page[FunctionView], 0, at=at))
    wanted, _, environment = name.partition("@")
    fitting = [
        row
        for row in found
        if wanted in (row.function, f"{row.label}/{row.function}")
        and row.environment == (environment or PRODUCTION)
    ]
    if len(fitting) == 1:
        return fitting[0]
    names = ", ".join(map(full_name, fitting or found)) or "none yet"
    what = f"{name} fits {len(fitting)} functions" if fitting else f"there is no function {name}"
    raise FunctionUnclear(what, hint=f"there are: {names}")


def print_lines(lines: Iterable[LogLine], *, json: bool, named: bool) -> None:
    """Print log lines with their time, and their function where there are several."""
    out = console()
    for item in lines:
        if json:
            as_json([item])
            continue
        for text in item.text.splitlines():
            name = f"{item.function} " if named else ""
            # what programs write may hold escapes: shown as text, never obeyed
            clean = "".join(c if c.isprintable() or c == "\t" else "�" for c in text)
            out.print(Text.assemble((f"{when(item.time)} {name}", "bright_black"), clean))
        sys.stdout.flush()
