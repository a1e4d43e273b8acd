"""`pushline run`: what a push set off, step by step."""

import sys
import time
from typing import Final

from cyclopts import App
from rich.text import Text

from edge.api.asked import Approved, RunAsked
from edge.api.shapes import Page, RunItem, RunView, fall_of
from edge.cli import bars
from edge.cli.client import Api
from edge.cli.functions import print_lines
from edge.cli.moment import MomentOption, moment
from edge.cli.output import as_json, console, duration, state, table, when
from edge.cli.where import HERE, At, FollowOption, JsonOption, target

app = App(name="run", help="See what pushes set off, end it, do it again, approve a fork's.")

SETTLES: Final = 5.0  # seconds within which the planner has ended a run, as a rule


@app.command
def ls(
    project: str = "",
    *,
    limit: int = 20,
    then: MomentOption = "",
    json: JsonOption = False,
    at: At = HERE,
) -> int:
    """List runs, newest first.

    Parameters
    ----------
    project
        Only those of this project, owner/name.
    limit
        At most so many.
    """
    query = {"project": project, "at": moment(then)}
    found = list(Api(target(at)).pages("/api/runs", Page[RunItem], limit, **query))
    if json:
        as_json(found)
        return 0
    rows = [
        (
            run.id,
            run.project,
            run.branch,
            run.sha[:8],
            state(run.outcome),
            when(run.queued),
            duration(run.total_ms) if run.ended else "",
            Text(run.message),
        )
        for run in found
    ]
    headings = ("RUN", "PROJECT", "BRANCH", "COMMIT", "OUTCOME", "QUEUED", "TOOK", "")
    table(headings, rows, empty="no runs yet: push something")
    return 0


@app.command
def show(run: str, *, then: MomentOption = "", json: JsonOption = False, at: At = HERE) -> int:
    """Show one run: how long each step waited and worked.

    Parameters
    ----------
    run
        A run's id, the start of it, or the start of its commit's sha.
    """
    view = Api(target(at)).get(f"/api/runs/{run}", RunView, at=moment(then))
    if json:
        as_json([view])
    else:
        shown(view)
    return 0


@app.command
def logs(run: str, *, follow: FollowOption = False, json: JsonOption = False, at: At = HERE) -> int:
    """Print what the builds of a run wrote.

    Parameters
    ----------
    run
        A run's id, the start of it, or the start of its commit's sha.
    """
    lines = Api(target(at)).lines(f"/api/runs/{run}/logs", follow=follow, limit=10_000)
    print_lines(lines, json=json, named=True)
    return 0


@app.command
def cancel(run: str, *, at: At = HERE) -> int:
    """End a run that waits or builds; one that deploys is let finish.

    Parameters
    ----------
    run
        A run's id, the start of it, or the start of its commit's sha.
    """
    api = Api(target(at))
    asked = api.send("POST", f"/api/runs/{run}/cancel", RunAsked)
    view = settled(api, asked)
    sys.stdout.write(f"run {asked.run} is {view.outcome if view else 'asked to end'}\n")
    return 0 if view is None or view.outcome == "cancelled" else 1


@app.command
def rerun(run: str, *, json: JsonOption = False, at: At = HERE) -> int:
    """Build and deploy a run's commit again, if it is the newest of its environment.

    Parameters
    ----------
    run
        A run's id, the start of it, or the start of its commit's sha.
    """
    asked = Api(target(at)).send("POST", f"/api/runs/{run}/rerun", RunAsked)
    if json:
        as_json([asked])
    else:
        sys.stdout.write(f"run {asked.run} is queued: pushline run show {asked.run}\n")
    return 0


@app.command
def approve(
    project: str,
    pull: int,
    sha: str,
    *,
    reason: str = "",
    json: JsonOption = False,
    at: At = HERE,
) -> int:
    """Let one commit of a fork's pull request be built, after having read it.

    Parameters
    ----------
    project
        owner/name.
    pull
        The pull request's number.
    sha
        The commit that was read, or the first seven letters of it: no other is let in.
    reason
        Why, for those who read it later.
    """
    body = {"project": project, "sha": sha.lower(), "reason": reason}
    done = Api(target(at)).send("POST", f"/api/pulls/{pull}/approve", Approved, body)
    if json:
        as_json([done])
    else:
        sys.stdout.write(f"{done.sha[:12]} may be built, for {done.environment}\n")
    return 0


def settled(api: Api, asked: RunAsked) -> RunView | None:
    """Return a run once it has ended, None if that takes longer than somebody looks on."""
    end = time.monotonic() + SETTLES
    while time.monotonic() < end:
        view = api.get(f"/api/runs/{asked.run}", RunView, after=asked.seq)
        if view.ended is not None:
            return view
        time.sleep(0.2)
    return None


def shown(view: RunView) -> None:
    """Print a run for people."""
    out = console()
    out.print(
        Text.assemble(
            (view.project, "bold"),
            f" {view.branch} {view.sha[:12]}  ",
            state(view.outcome),
            f"  run {view.id}",
        )
    )
    by = f" by {view.pusher}" if view.pusher else ""
    out.print(Text(f"pushed {when(view.start)}{by}, to {view.environment}"))
    if view.asked:
        what = f"run {view.promotes} once more, nothing is built" if view.promotes else "again"
        why = f": {view.reason}" if view.reason else ""
        out.print(Text(f"{what}, as {view.asked} asked{why}"))
    if view.by:
        out.print(Text(f"{view.outcome} by {view.by}"))
    sys.stdout.write("\n")
    bars.draw(fall_of(view), out)
    for step, why in view.waits.items():
        out.print(Text.assemble((f"{step} waits: ", "yellow"), f"{why}; it goes on by itself"))
    for problem in view.problems:
        out.print(Text.assemble(("error ", "red"), problem))
    for warning in view.warnings:
        out.print(Text.assemble(("warning ", "yellow"), warning))
    for part in view.parts:
        if part.failed:
            out.print(Text.assemble((f"{part.function}: ", "red"), part.message))
            for line in part.tail:
                out.print(Text(f"  {line}", style="bright_black"))
    for function, url in view.urls.items():
        out.print(Text.assemble((f"{function} ", "bold"), "answers at ", (url, "underline")))
