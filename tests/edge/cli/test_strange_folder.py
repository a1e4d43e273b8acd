"""`pushline up` started where somebody else's code lies."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.laptop import PATIENCE, ROOT


@pytest.mark.timeout(120)
def test_packages_where_the_user_stands_are_not_ours(tmp_path: Path) -> None:
    """Folders called bus, consumers, edge and schemas there are run by none of our processes."""
    for name in ("bus", "consumers", "edge", "schemas"):
        package = tmp_path / "here" / name / "__init__.py"
        package.parent.mkdir(parents=True)
        package.write_text(f"open({str(tmp_path / 'ran')!r}, 'a').write({name!r})\n")
    command = [sys.executable, "-P", "-m", "edge.cli.main", "up"]
    with subprocess.Popen(
        [*command, "--home", str(tmp_path / "home"), "--listen", "127.0.0.1:0"],
        cwd=tmp_path / "here",
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as up:
        assert up.stdout
        said = ""
        while " is up at " not in said:
            line = up.stdout.readline()
            assert line, said
            said += line
        up.send_signal(signal.SIGTERM)
        said += up.stdout.read()
        assert up.wait(PATIENCE) == 0, said
    assert not (tmp_path / "ran").exists(), said
