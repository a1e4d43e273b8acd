"""Rows by the names that people have for them, and what is different between two."""

import ast
from typing import Any

import pytest

from edge.cli.state.folds import every
from edge.cli.state.rows import NOUNS, StateUnknown, changes, chosen, fits
from tests.architecture.source_tree import PACKAGES, ROOT, sources

RUN = {"name": "alice/shop", "sha": "4e47a0a1"}
FUNCTION = {"label": "alice", "environment": "production", "function": "hello"}
PREVIEW = {**FUNCTION, "environment": "pr-7"}


def test_each_noun_is_a_fold_that_there_is() -> None:
    """What `state` offers by a word of its own can be folded."""
    assert {noun.fold for noun in NOUNS.values()} <= set(every())


def test_no_fold_is_forgotten() -> None:
    """Every name that a fold of the house is made with is known to `state`."""
    texts = ((ROOT / path).read_text() for path in sources(*PACKAGES))
    made = {
        call.args[0].value
        for text in texts
        if "old(" in text
        for call in ast.walk(ast.parse(text))
        if isinstance(call, ast.Call)
        and getattr(call.func, "id", "") in ("Fold", "_fold")
        and call.args
        and isinstance(call.args[0], ast.Constant)
    }

    assert len(made) > 10
    assert made - set(every()) == set()


@pytest.mark.parametrize(
    ("what", "key", "row", "fitting"),
    [
        ("runs", "01JD8Z6Q5V", RUN, True),
        ("runs/01JD8", "01JD8Z6Q5V", RUN, True),
        ("runs/01jd8", "01JD8Z6Q5V", RUN, True),
        ("runs/4E47", "01JD8Z6Q5V", RUN, True),
        ("runs/5E47", "01JD8Z6Q5V", RUN, False),
        ("functions/alice", "local:alice/shop:production/hello", FUNCTION, True),
        ("functions/alice/hello", "local:alice/shop:production/hello", FUNCTION, True),
        ("functions/alice/hell", "local:alice/shop:production/hello", FUNCTION, False),
        ("functions/alice/hello", "local:alice/shop:pr-7/hello", PREVIEW, True),
        ("functions/alice/hello@pr-7", "local:alice/shop:pr-7/hello", PREVIEW, True),
        ("functions/alice/hello@pr-7", "local:alice/shop:production/hello", FUNCTION, False),
        ("projects/alice/shop", "local:alice/shop", {"name": "alice/shop"}, True),
        ("projects/alice", "local:alice/shop", {"name": "alice/shop"}, True),
        ("domains/shop.example.com", "shop.example.com", {}, True),
        ("planner-labels/github:alice", "github:alice", {}, True),
        ("planner-labels/github:al", "github:alice", {}, False),
    ],
)
def test_rows_are_found_by_what_commands_print(
    what: str, key: str, row: dict[str, Any], *, fitting: bool
) -> None:
    """An id or its start, a commit, a tenant, a function with its environment."""
    noun, name = chosen(what)

    assert fits(noun, name, key, row) is fitting


def test_a_state_that_there_is_not_is_told_with_those_that_there_are() -> None:
    """The hint names the words, and each fold."""
    with pytest.raises(StateUnknown) as raised:
        chosen("weather/today")

    assert "projects, runs, functions, routes, domains" in raised.value.hint
    assert "planner-labels" in raised.value.hint


def test_only_what_is_different_is_told() -> None:
    """Fields by their path, what appears and what goes, lists as a whole."""
    before = {"status": "live", "parts": {"a": {"n": 1, "m": 2}}, "names": ["x"], "gone": 1}
    after = {"status": "failed", "parts": {"a": {"n": 1, "m": 3}}, "names": ["x", "y"], "new": 0}

    assert list(changes(before, after)) == [
        ("status", "live", "failed"),
        ("parts.a.m", 2, 3),
        ("names", ["x"], ["x", "y"]),
        ("gone", 1, None),
        ("new", None, 0),
    ]
    assert list(changes(before, before)) == []
