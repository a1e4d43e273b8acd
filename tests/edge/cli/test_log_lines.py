"""What log lines show of an error that nobody foresaw."""

import subprocess
import sys

import pytest

from tests.laptop import PATIENCE, ROOT

FAILING = """
import rich, structlog, sys
from edge.cli import logs

logs.configure("test", format=sys.argv[1])

def fail(value):
    raise RuntimeError("the message")

try:
    fail("CANARY" + "-a-value")
except RuntimeError:
    structlog.get_logger().exception("failed")
"""


@pytest.mark.parametrize("format", ["console", "json"])
def test_no_line_shows_the_values_at_hand(format: str) -> None:
    """Where it happened is told; what arguments and variables held may be a secret."""
    done = subprocess.run(
        [sys.executable, "-c", FAILING, format],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )

    assert "RuntimeError: the message" in done.stderr
    assert "in fail" in done.stderr
    assert "CANARY-a-value" not in done.stderr
