"""What people read looks as it did, and does nothing of its own."""

import pytest

from consumers.status.standing import Text
from consumers.status.texts.parts import LEFT_OUT, joined
from consumers.status.texts.render import render
from consumers.status.texts.words import DESCRIPTION
from tests.consumers.status.texts.cases import CASES, LINKS, Case
from tests.consumers.status.texts.golden import FOLDER, pages, read
from tests.heavy.forges.markdown import acts, links


def test_texts_look_as_they_did() -> None:
    """Each state's text is its file; ``python -m tests.consumers.status.texts.golden`` writes."""
    assert pages() == read(FOLDER)


@pytest.mark.conformance("titles")
def test_titles_begin_as_the_predecessors_did() -> None:
    """A stack is deployed, to where we say; a function is built."""
    stack, function = CASES["live"], CASES["live-function"]

    assert _render(stack).title == "Deploy to production: live in 10 s"
    assert _render(function).title.startswith("Build hello: live")


@pytest.mark.conformance("pretty URL")
def test_what_is_live_is_linked_and_so_is_what_its_build_wrote() -> None:
    """A live function's address, the run, and its log; of a failure the log."""
    run = CASES["live"].at.run
    told = [f"https://system.example.com/api/runs/{run}{end}" for end in ("", "/logs")]

    found = links(_render(CASES["live-function"]).summary)
    assert found == ["https://acme.example.com/hello", *told]
    assert links(_render(CASES["failed-build"]).summary) == told
    assert links(_render(CASES["preview"]).summary)[0] == "https://pr-7--acme.example.com/hello"


@pytest.mark.parametrize("name", CASES)
def test_nothing_is_done_by_what_is_told(name: str) -> None:
    """Nobody is called, nothing referred to, no line too long for where it stands."""
    text = _render(CASES[name])

    assert acts(text.summary) == acts(text.text) == []
    assert len(text.description) <= DESCRIPTION
    assert "\n" not in text.title + text.description


def test_too_long_a_summary_loses_its_middle() -> None:
    """What there is no room for is left out whole; the begin and the end stay."""
    text = joined(["begin", "x" * 50, "y" * 30, "end"], limit=80)

    assert text == f"begin\n\n{LEFT_OUT}\n\n{'y' * 30}\n\nend\n"


def _render(case: Case) -> Text:
    return render(case.at, function=case.function, links=LINKS, log=case.log)
