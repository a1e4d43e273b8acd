"""The table of weaknesses."""

from tests.predecessor.known import OWED, WEAKNESSES
from tests.predecessor.table import TABLE, markdown, shown


def test_the_table_is_that_of_the_tests() -> None:
    """A test that is marked, renamed or gone is seen in the table; the cure is its command."""
    assert TABLE.read_text(encoding="utf-8") == markdown(shown()), (
        "run `python -m tests.predecessor.table write`"
    )


def test_what_let_strangers_in_has_tests() -> None:
    """Nobody can take the last test of these numbers away, and no number is made up."""
    tests = shown()

    assert set(tests) >= OWED
    assert set(tests) <= set(WEAKNESSES)


def test_what_has_no_test_is_said_so() -> None:
    """A weakness without a test is in the table under its number, and not left out."""
    lines = markdown({}).splitlines()

    assert sum(line.endswith("| **no test yet** |") for line in lines) == len(WEAKNESSES)
