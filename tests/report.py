"""Pytest plugin: a loud count of what was skipped, by reason, and how to get it."""

from collections import Counter

import pytest


def reason_of(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Return why a test was skipped, without pytest's prefix."""
    where = report.longrepr
    text = where[2] if isinstance(where, tuple) else str(where)
    return text.removeprefix("Skipped: ")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print each reason with its count; say so, too, when nothing was skipped."""
    skipped = Counter(reason_of(report) for report in terminalreporter.getreports("skipped"))
    if not skipped:
        terminalreporter.write_sep("=", "nothing was skipped", green=True, bold=True)
        return
    total = skipped.total()
    terminalreporter.write_sep("!", f"{total} SKIPPED, not tested here", yellow=True, bold=True)
    for reason, count in skipped.most_common():
        terminalreporter.write_line(f"{count:>5}  {reason}", yellow=True)
