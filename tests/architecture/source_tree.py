"""The tracked files of this checkout, for tests that read them all."""

import subprocess
from functools import cache
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
PACKAGES: Final = ("bus", "consumers", "edge", "schemas")


@cache
def tracked() -> tuple[Path, ...]:
    """Return every tracked file, relative to the root; skips outside of a checkout."""
    command = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip("not a git checkout: clone the repository to test what is tracked")
    names = done.stdout.decode().split("\0")
    return tuple(Path(name) for name in names if name and (ROOT / name).is_file())


def sources(*folders: str) -> list[Path]:
    """Return the tracked Python files of these folders, without generated code."""
    return [
        path
        for path in tracked()
        if path.suffix == ".py" and path.parts[0] in folders and "_pb2" not in path.name
    ]
