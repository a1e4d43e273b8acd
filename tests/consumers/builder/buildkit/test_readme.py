"""The library's README does what it says."""

import os
import re
import subprocess
import sys
from pathlib import Path

from consumers.builder import buildkit
from tests.consumers.builder.buildkit.conftest import Folder
from tests.heavy.engines import Engine

ROOT = Path(__file__).parents[4]
README = ROOT / "consumers/builder/buildkit/README.md"


def example() -> str:
    """Return the program in the README."""
    (found,) = re.findall(r"^```python\n(.*?)^```$", README.read_text(), re.DOTALL | re.MULTILINE)
    return str(found)


def run(engine: Engine, folder: Path, target: Path) -> subprocess.CompletedProcess[str]:
    """Run the example as somebody who has copied it."""
    program = target.with_name("example.py")
    program.write_text(example())
    return subprocess.run(
        [sys.executable, program, engine.url, folder, target],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_example_builds(engine: Engine, folder: Folder, tmp_path: Path) -> None:
    """The example prints the log and writes the files, with a secret mounted."""
    mount = "--mount=type=secret,id=token"
    made = folder(
        f"RUN {mount} echo I know $(busybox wc -c </run/secrets/token) letters | "
        "busybox tee /said\n"
    )

    done = run(engine, made, tmp_path / "out")

    assert done.returncode == 0, done.stderr
    assert "I know 6 letters\n" in done.stdout
    assert (tmp_path / "out/said").read_text() == "I know 6 letters\n"


def test_example_says_what_failed(engine: Engine, folder: Folder, tmp_path: Path) -> None:
    """A failing step is told with its name, code and last lines."""
    done = run(engine, folder("RUN echo last words; exit 7\n"), tmp_path / "out")

    assert done.returncode == 1
    assert "RUN echo last words; exit 7 ended with 7:\nlast words\n" in done.stderr


def test_example_is_short() -> None:
    """A newcomer reads it at one glance."""
    assert len(example().splitlines()) <= 60


def test_every_public_name_is_told_of() -> None:
    """What the package exports stands in its README, or in the docstring of what does."""
    text = README.read_text()
    helpers = {"Credentials", "Secrets", "Session", "Receiver", "Result", "Tree"}
    helpers |= {"Info", "Usage", "Worker", "Context"}

    assert {name for name in buildkit.__all__ if name not in text} <= helpers
