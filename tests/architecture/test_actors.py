"""Every fact says who wrote it: a person's login, or the part of Pushline that decided."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = ("bus", "consumers", "edge")
OURS = {"of", "cause", "id", "guard"}  # arguments of EventLog.append alone


def appends(tree: ast.AST) -> Iterator[ast.Call]:
    """Yield what appends facts."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in ("append", "append_all")
            and any(keyword.arg in OURS for keyword in node.keywords)
        ):
            yield node


def nameless(tree: ast.AST) -> list[int]:
    """Return the lines where nobody is named."""
    return [
        call.lineno
        for call in appends(tree)
        if not {"actor", None} & {keyword.arg for keyword in call.keywords}
    ]


def test_whoever_appends_says_who_did() -> None:
    """An event without an actor is one that the record cannot explain."""
    found, calls = {}, 0
    for path in (path for room in ROOMS for path in (ROOT / room).rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        calls += len(list(appends(tree)))
        if lines := nameless(tree):
            found[str(path.relative_to(ROOT))] = lines

    assert found == {}
    assert calls > 20


def test_one_that_says_nothing_is_found() -> None:
    """What is looked for is what there would be."""
    assert nameless(ast.parse("log.append(fact, of=of, id=id)")) == [1]
    assert nameless(ast.parse("log.append(fact, of=of, id=id, actor=me)\nlines.append(1)")) == []
