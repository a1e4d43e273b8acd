"""The tables of weaknesses and of test vectors."""

import pytest

from tests.predecessor.table import TABLES, Table, shown


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.mark)
def test_the_table_is_that_of_the_tests(table: Table) -> None:
    """A test that is marked, renamed or gone is seen in the table; the cure is its command."""
    assert table.file.read_text(encoding="utf-8") == table.markdown(shown(table.mark)), (
        "run `python -m tests.predecessor.table write`"
    )


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.mark)
def test_each_number_and_row_has_a_test(table: Table) -> None:
    """Nobody can take the last test of one away, and none is made up."""
    assert set(shown(table.mark)) == set(table.rows)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.mark)
def test_what_has_no_test_is_said_so(table: Table) -> None:
    """What is without a test is in the table all the same, and not left out."""
    assert table.markdown({}).count("| **no test yet** |") == len(table.rows)
