"""What our comment looks like, one file each.

``python -m tests.consumers.comments.golden`` writes them anew; read the difference.
"""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from consumers.comments.forge import Place
from consumers.comments.pulls import Project, reduce
from consumers.comments.text import body
from schemas.events.environment import EnvironmentRefused
from schemas.events.run import RunSuperseded
from tests.consumers.comments.story import PREVIEW, Fact, Story
from tests.consumers.status.story import REPOSITORY, recorded
from tests.consumers.status.texts.cases import LINKS, failing, rejected
from tests.consumers.status.texts.golden import write

FOLDER: Final = Path(__file__).parent / "pages"


def comment(facts: Iterable[Fact]) -> str:
    """Return what is said after some facts."""
    project: Project | None = None
    for seq, fact in enumerate(facts, start=1):
        project = reduce(project, recorded(seq, *fact))
    assert project is not None
    return body(project.pulls[1], Place("1296269", REPOSITORY, 1).marker, LINKS)


def pages() -> dict[str, str]:
    """Return each case's comment by its name."""
    first = Story(REPOSITORY)
    live = [first.opened(), *first.live("hello", "bye")]
    second = first.run()
    refused = EnvironmentRefused("topic", "d" * 40, "there are 20 previews already", 1, pull=1)
    superseded = "run", second.id, RunSuperseded(by=first.run().id)
    told = {
        "begun": live[:2],
        "live": live,
        "again": [*live, *second.begun("hello")],
        "partly": [*live, *failing(second)],
        "rejected": [*live, *rejected(second)],
        "superseded": [*live, *second.begun("hello"), superseded],
        "held": [first.opened(fork=True), first.held()],
        "held-again": [*live, first.held()],
        "refused": [first.opened(), ("environment", PREVIEW, refused)],
        "expired": [*live, first.removed("expired")],
        "merged": [*live, first.closed(), first.removed()],
        "closed-unapproved": [first.opened(), first.held(), first.closed(merged=False)],
    }
    return {name: comment(facts) for name, facts in told.items()}


if __name__ == "__main__":
    write(FOLDER, pages(), sys.stdout.write)
