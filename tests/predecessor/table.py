"""The table of the predecessor's weaknesses, made of the tests that are marked with them.

``python -m tests.predecessor.table write``  writes WEAKNESSES.md
``python -m tests.predecessor.table check``  exit code 1 if it differs from the tests
"""

import argparse
import ast
import sys
from collections import defaultdict
from pathlib import Path
from typing import Final

from tests.predecessor.known import WEAKNESSES

TESTS: Final = Path(__file__).parents[1]
TABLE: Final = Path(__file__).with_name("WEAKNESSES.md")
HEAD: Final = """# The predecessor's weaknesses

Each has a number. A test that shows one gone is marked `@pytest.mark.weakness(number)`;
`tests/run tests -m weakness` runs them. Written by `python -m tests.predecessor.table write`.

| | weakness | tests |
|---|---|---|
"""


def shown() -> dict[int, list[str]]:
    """Return the tests of each number, by file and name."""
    found: dict[int, list[str]] = defaultdict(list)
    for path in sorted(TESTS.rglob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        if "mark.weakness(" not in text:
            continue
        for node in ast.parse(text).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                for number in _numbers(node):
                    found[number].append(f"{path.relative_to(TESTS).as_posix()}::{node.name}")
    return dict(found)


def _numbers(test: ast.FunctionDef | ast.AsyncFunctionDef) -> list[int]:
    return [
        call.args[0].value
        for call in test.decorator_list
        if isinstance(call, ast.Call)
        and ast.unparse(call.func) == "pytest.mark.weakness"
        and isinstance(call.args[0], ast.Constant)
        and isinstance(call.args[0].value, int)
    ]


def markdown(tests: dict[int, list[str]]) -> str:
    """Return the table; what no test shows is said to be without one."""
    rows = [
        f"| {number} | {weakness} | {_cell(tests.get(number, []))} |\n"
        for number, weakness in WEAKNESSES.items()
    ]
    return HEAD + "".join(rows)


def _cell(tests: list[str]) -> str:
    return "<br>".join(f"`{test}`" for test in sorted(tests)) or "**no test yet**"


def main() -> int:
    """Write the table, or say whether it is in step."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.predecessor.table",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("verb", choices=("write", "check"))
    made = markdown(shown())
    if parser.parse_args().verb == "write":
        TABLE.write_text(made, encoding="utf-8")
        return 0
    if TABLE.exists() and TABLE.read_text(encoding="utf-8") == made:
        return 0
    sys.stderr.write("differs: run `python -m tests.predecessor.table write`\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
