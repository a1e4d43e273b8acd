"""The shell scripts are clean, and CI runs what people run."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.source_tree import ROOT, tracked


def is_shell(path: Path) -> bool:
    """Tell a shell script by its name or by its first line."""
    first = (ROOT / path).read_bytes().split(b"\n", 1)[0]
    return path.suffix == ".sh" or (first.startswith(b"#!") and first.endswith((b"/sh", b" bash")))


def shell_scripts() -> list[Path]:
    """Return the tracked shell scripts."""
    return [path for path in tracked() if path.suffix in {"", ".sh"} and is_shell(path)]


def test_scripts_are_found() -> None:
    """The ones that this is about are among them."""
    names = {str(path) for path in shell_scripts()}

    assert {"deploy/pushline", "deploy/environment.sh", "tests/run", ".ci/run"} <= names


@pytest.mark.parametrize("script", shell_scripts(), ids=str)
def test_shellcheck_finds_nothing(script: Path) -> None:
    """Shellcheck, which reads a script as its own shell would, has no remark."""
    shellcheck = Path(sys.executable).with_name("shellcheck")
    dialect = "bash" if script == Path(".ci/run") else "sh"

    done = subprocess.run(
        [shellcheck, "-x", "-s", dialect, script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout


def test_tests_run_helps_itself() -> None:
    """CI does nothing but to run tests/run --install."""
    assert (ROOT / ".ci/run").read_text().splitlines()[-1] == 'exec tests/run --install "$@"'
