"""The tables of the predecessor's weaknesses and test vectors, made of the tests that name them.

``python -m tests.predecessor.table write``  writes WEAKNESSES.md and CONFORMANCE.md
``python -m tests.predecessor.table check``  exit code 1 if they differ from the tests
"""

import argparse
import ast
import html
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from tests.predecessor.known import WEAKNESSES
from tests.predecessor.rows import ROWS

TESTS: Final = Path(__file__).parents[1]
HERE: Final = Path(__file__).parent
WEAKNESS: Final = """# The predecessor's weaknesses

Each has a number. A test that shows one gone is marked `@pytest.mark.weakness(number)`;
`tests/run tests -m weakness` runs them. Written by `python -m tests.predecessor.table write`.

| | weakness | tests |
|---|---|---|
"""
CONFORMANCE: Final = """# The predecessor's test vectors

What its own tests expected. A test of ours that shows a row is marked
`@pytest.mark.conformance(row)`; `tests/run tests -m conformance` runs them. In the last column
stands why ours differs, where it means to; the tests then show ours. Written by
`python -m tests.predecessor.table write`.

| row | given | expected | tests | differs |
|---|---|---|---|---|
"""

Key = int | str
Shown = Mapping[Key, list[str]]


class Table(NamedTuple):
    """One page, and what is to stand in it."""

    mark: str
    file: Path
    head: str
    rows: Mapping[Key, tuple[str, ...]]  # cells before the tests
    more: Mapping[Key, str]  # the cell behind them

    def markdown(self, tests: Shown) -> str:
        """Return the page; what no test shows is said to be without one."""
        return self.head + "".join(self._line(key, tests.get(key, [])) for key in self.rows)

    def _line(self, key: Key, tests: list[str]) -> str:
        shown = "<br>".join(f"`{test}`" for test in sorted(tests)) or "**no test yet**"
        behind = [html.escape(self.more[key], quote=False)] if self.more else []
        before = [html.escape(cell, quote=False) for cell in (str(key), *self.rows[key])]
        return f"| {' | '.join((*before, shown, *behind))} |\n"


TABLES: Final = (
    Table(
        "weakness",
        HERE / "WEAKNESSES.md",
        WEAKNESS,
        {number: (text,) for number, text in WEAKNESSES.items()},
        {},
    ),
    Table(
        "conformance",
        HERE / "CONFORMANCE.md",
        CONFORMANCE,
        {name: (row.given, row.expected) for name, row in ROWS.items()},
        {name: row.unlike for name, row in ROWS.items()},
    ),
)


def shown(mark: str) -> Shown:
    """Return the tests that a mark names for each number or row, by file and name."""
    found: dict[Key, list[str]] = defaultdict(list)
    for path in sorted(TESTS.rglob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        if f"mark.{mark}(" not in text:
            continue
        for node in ast.parse(text).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                for key in _marks(node, mark):
                    found[key].append(f"{path.relative_to(TESTS).as_posix()}::{node.name}")
    return dict(found)


def _marks(test: ast.FunctionDef | ast.AsyncFunctionDef, mark: str) -> list[Key]:
    return [
        call.args[0].value
        for call in test.decorator_list
        if isinstance(call, ast.Call)
        and ast.unparse(call.func) == f"pytest.mark.{mark}"
        and isinstance(call.args[0], ast.Constant)
        and isinstance(call.args[0].value, int | str)
    ]


def main() -> int:
    """Write the tables, or say whether they are in step."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.predecessor.table",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("verb", choices=("write", "check"))
    writing, wrong = parser.parse_args().verb == "write", 0
    for table in TABLES:
        made = table.markdown(shown(table.mark))
        if writing:
            table.file.write_text(made, encoding="utf-8")
        elif not table.file.exists() or table.file.read_text(encoding="utf-8") != made:
            wrong = 1
    if wrong:
        sys.stderr.write("differs: run `python -m tests.predecessor.table write`\n")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
