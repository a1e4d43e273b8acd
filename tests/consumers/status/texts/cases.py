"""Commits in all states that people read of, each made of the facts that lead there."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from consumers.status.commits import Project, reduce
from consumers.status.standing import Links, Standing
from schemas.events import Event
from schemas.events.environment import EnvironmentRefused
from schemas.events.pull import PullHeld
from schemas.events.run import (
    Problem,
    RunBuildFailed,
    RunBuilt,
    RunCancelled,
    RunDelayed,
    RunFinished,
    RunRejected,
    RunResolved,
    RunSuperseded,
)
from tests.consumers.status.story import DIGEST, REPOSITORY, Run, recorded, sha

LINKS = Links(
    lambda label, environment, name: (
        f"https://{'' if environment == 'production' else environment + '--'}{label}.example.com/"
        f"{name}"
    ),
    "https://system.example.com",
)
Fact = tuple[str, str, Event]


@dataclass
class Case:
    """Something that people look at."""

    at: Standing
    function: str = ""
    log: str = ""


def standing(*facts: Fact) -> Standing:
    """Return how a commit stands after some facts, each a second after the one before."""
    project: Project | None = None
    for seq, (kind, id, fact) in enumerate(facts, start=1):
        project = reduce(project, recorded(seq, kind, id, fact))
    assert project is not None
    return max(project.commits.values(), key=lambda one: one.standing.generation).standing


def failing(run: Run) -> Iterable[Fact]:
    """Yield a run of which one function does not build, and one does not start."""
    yield "run", run.id, run.queued
    yield "run", run.id, RunResolved(run.queued.sha, ("good", "bad", "ugly"))
    for name in ("good", "ugly"):
        yield "run", run.id, RunBuilt(name, DIGEST, DIGEST, cached=name == "good")
    message = "pip: there is no `requests==99` for @octocat | see #7"
    tail = ("Collecting requests==99", "ERROR: No matching distribution found")
    yield "run", run.id, RunBuildFailed("bad", "build_failed", message, tail)
    yield from (run.started("good"), run.deployed("good"), run.started("ugly"), run.failed("ugly"))
    yield run.ended("partly", "2 of 3 functions failed: bad, ugly")


def rejected(run: Run) -> Iterable[Fact]:
    """Yield a run whose stack has eight errors."""
    problems = [
        Problem(
            f"there is no folder ./{name}",
            cure="make it, or correct the path",
            line=line,
            field=f"functions.{name}.handler",
        )
        for line, name in enumerate("abcdefg", start=5)
    ]
    problems.append(Problem("the name `x` is another project's", file="stack.yml"))
    yield "run", run.id, run.queued
    yield "run", run.id, RunRejected(run.queued.sha, tuple(problems))
    yield run.ended("rejected")


def again(run: Run, *, back: bool) -> Iterable[Fact]:
    """Yield a run that deploys recorded artefacts, of a preview or of its own past."""
    queued = replace(
        run.queued,
        pusher="",
        asked="github:octocat",
        reason="it works on #7",
        promotes=Run(9).id,
        artefacts=(41,),
    )
    yield "run", run.id, queued
    yield "run", run.id, RunResolved(queued.sha, ("hello",))
    built = RunBuilt("hello", DIGEST, DIGEST, cached=True, revision="r1" if back else "")
    yield "run", run.id, built
    yield from (run.started("hello"), run.deployed("hello"), run.ended("live"))


def warned(run: Run) -> list[Fact]:
    """Return a run whose stack has a field that nothing heeds."""
    warning = Problem("it is not heeded here", line=9, field="functions.hello.limits")
    facts = list(run.live("hello", "bye"))
    facts[1] = "run", run.id, RunResolved(run.queued.sha, ("hello", "bye"), (warning,))
    return facts


def _cases() -> dict[str, Case]:
    run, preview = Run(1), Run(1, environment="pr-7", branch="feature/x", pull=7)
    begun = list(run.begun("hello", "bye"))
    delayed: Any = "run", run.id, RunDelayed("source", "forge_unavailable", "GitHub is away")
    held = PullHeld(7, sha("f"), REPOSITORY, author="mallory", environment="pr-7")
    live, bad = standing(*warned(run)), standing(*failing(run))
    return {
        "queued": Case(standing(*begun[:1])),
        "delayed": Case(standing(begun[0], delayed)),
        "building": Case(standing(*begun[:5])),
        "building-function": Case(standing(*begun), "hello"),
        "live": Case(live),
        "live-function": Case(live, "hello", "Step 1\nStep 2\n"),
        "partly": Case(bad),
        "unchanged-function": Case(bad, "good"),
        "failed-build": Case(bad, "bad"),
        "failed-start": Case(bad, "ugly", "Step 1\n"),
        "rejected": Case(standing(*rejected(run))),
        "superseded": Case(standing(*begun, ("run", run.id, RunSuperseded(by=Run(2).id)))),
        "cancelled": Case(standing(*begun, ("run", run.id, RunCancelled(by="github:octocat")))),
        "empty": Case(standing(begun[0], ("run", run.id, RunFinished("empty")))),
        "held": Case(standing(("pull", "7", held))),
        "refused": Case(_refused(run)),
        "preview": Case(standing(*preview.live("hello"))),
        "promotion": Case(standing(*again(run, back=False))),
        "rollback": Case(standing(*again(run, back=True))),
        "rollback-function": Case(standing(*again(run, back=True)), "hello"),
    }


def _refused(run: Run) -> Standing:
    """Return how a commit stands whose project has previews enough."""
    why = "there are 20 previews already, as many as there may be (pushline previews rm ends one)"
    fact = EnvironmentRefused("feature/x", sha("f"), why, 2)
    project = reduce(None, recorded(1, "run", run.id, run.queued))
    project = reduce(project, recorded(2, "environment", "branch-x", fact))
    assert project is not None
    return project.commits[f"branch-x@{sha('f')}"].standing


CASES = _cases()
