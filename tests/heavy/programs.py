"""Real programs for tests: finding them, starting them, ending them, and skipping loudly."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

CURE = "as root on Debian: `tests/run --install`"


def engine_root() -> Path:
    """Return where `tests/run --install` unpacks the Docker Engine."""
    return unpacked("engine")


def unpacked(name: str) -> Path:
    """Return where `tests/run --install` unpacks packages that are never installed."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache) / "pushline" / name / "root" / "usr"


def program(name: str, package: str, *, path: str | None = None) -> Path:
    """Return where the program is, or skip with the way to get it."""
    found = shutil.which(name, path=path)
    if found is None:
        pytest.skip(f"no {name}: {CURE}, or `apt-get install {package}`")
    return Path(found)


@contextlib.contextmanager
def running(
    command: list[str | Path],
    log: Path,
    ready: Callable[[], bool],
    *,
    environment: Mapping[str, str] | None = None,
    within: float = 30,
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a program, wait until it is ready, end it afterwards with SIGTERM."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment
        )
    try:
        deadline = time.monotonic() + within
        while not ready():
            assert process.poll() is None, f"{command[0]} ended:\n{log.read_text()[-2000:]}"
            assert time.monotonic() < deadline, f"{command[0]}:\n{log.read_text()[-2000:]}"
            time.sleep(0.02)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)  # this very process, by its pid
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
