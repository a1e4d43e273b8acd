"""What our comment says, from the facts about a pull request."""

import pytest

from consumers.comments.pulls import Project, fold, reduce
from consumers.comments.text import body
from schemas.events import Event
from schemas.events.environment import EnvironmentClosed
from schemas.events.project import ProjectRemoved
from schemas.events.run import RunFinished
from tests.consumers.comments.golden import FOLDER, comment, pages
from tests.consumers.comments.story import Story
from tests.consumers.status.story import REPOSITORY, recorded
from tests.consumers.status.texts.cases import LINKS, again
from tests.consumers.status.texts.golden import read
from tests.heavy.forges.markdown import acts

PAGES = pages()


def test_comments_look_as_they_did() -> None:
    """Each state's comment is its file; ``python -m tests.consumers.comments.golden`` writes."""
    assert read(FOLDER) == PAGES


@pytest.mark.parametrize("name", PAGES)
def test_comments_do_nothing(name: str) -> None:
    """Nobody is called, nothing commanded; the marker is no one else's."""
    assert acts(PAGES[name]) == []


def test_closing_that_came_late_does_not_end_what_was_opened_again() -> None:
    """Forges stamp what they say: what is older than what we know changes nothing."""
    story = Story(REPOSITORY)
    late = [story.opened(minute=5), *story.live("hello"), story.closed(minute=3)]

    assert "is live" in comment(late)
    assert comment([*late, story.closed(minute=6)]) == ""  # until its preview has gone


def test_success_is_said_of_what_was_seen_ready_only() -> None:
    """A run that says it is live, of a function that nobody has seen, is still on its way."""
    story = Story(REPOSITORY)
    run = story.run()
    lies = [*run.begun("hello"), ("run", run.id, RunFinished("live"))]

    assert "is on its way" in comment([story.opened(), *lies])


def test_one_function_taken_back_changes_no_comment() -> None:
    """A rollback within a preview is about one function, and moves no address."""
    story = Story(REPOSITORY)
    live = [story.opened(), *story.live("hello", "bye")]

    assert comment([*live, *again(story.run(), back=True)]) == comment(live)


def test_only_so_many_closed_ones_are_kept() -> None:
    """What has ended long ago is forgotten, and a removed project at once."""
    project: Project | None = None
    seq = 0
    for number in range(1, 120):
        for fact in (_closed(number), EnvironmentClosed("pull-closed")):
            seq += 1
            kind = "pull" if seq % 2 else "environment"
            project = reduce(project, recorded(seq, kind, f"pr-{number}", fact))
    assert project is not None
    assert list(project.pulls) == list(range(20, 120))
    assert reduce(project, recorded(999, "project", "", ProjectRemoved(reason="x"))) is None
    assert body(project.pulls[20], "", LINKS) == "**Preview removed**: this was merged.\n"
    assert fold().name == "comments-pulls"


def _closed(number: int) -> Event:
    _, _, fact = Story(REPOSITORY).closed()
    return type(fact)(**{**_fields(fact), "number": number})


def _fields(fact: Event) -> dict[str, object]:
    return {name: getattr(fact, name) for name in fact.__struct_fields__}
