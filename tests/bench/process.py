"""Programs that are measured: started on one core, watched through /proc, ended by their pid."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psutil

SERVER_CORE: Final = 0  # what is measured
LOAD_CORE: Final = 1  # who asks, and who answers behind what is measured
PATIENCE: Final = 30.0  # seconds for a program to listen, or to end


class Missing(Exception):
    """A program that the bench needs is not there; the message says how to get it."""


def find(name: str, cure: str) -> str:
    """Return the path of a program on PATH; Missing says how to get it."""
    found = shutil.which(name)
    if found is None:
        raise Missing(f"no {name}: {cure}")
    return found


def on_core(core: int, command: Sequence[str | Path]) -> list[str]:
    """Return a command that runs on one core alone; it keeps its process id."""
    if core >= (os.cpu_count() or 1):
        raise Missing(f"no core {core}: server and load each need one of their own")
    return [find("taskset", "apt-get install util-linux"), "-c", str(core), *map(str, command)]


class Program:
    """A running program, with its children."""

    def __init__(self, pid: int, took: float) -> None:
        """Keep what the bench looks at; ``took`` is seconds from its start to listening."""
        self.pid = pid
        self.took = took

    def _processes(self) -> list[psutil.Process]:
        first = psutil.Process(self.pid)
        return [first, *first.children(recursive=True)]

    def cpu(self) -> float:
        """Return the CPU seconds used so far, user and system."""
        return sum(sum(process.cpu_times()[:2]) for process in self._processes())

    def memory(self) -> float:
        """Return the resident MB of all its processes."""
        return sum(process.memory_info().rss for process in self._processes()) / 1e6


@contextmanager
def running(
    command: Sequence[str | Path], port: int, folder: Path, core: int, told: bytes = b""
) -> Iterator[Program]:
    """Start a program on a core, wait until its port answers, end it afterwards.

    ``told`` is its standard input.
    """
    log, given = folder / f"{port}.log", folder / f"{port}.stdin"
    given.write_bytes(told)
    begun = time.monotonic()
    with (
        log.open("wb") as output,
        given.open("rb") as input_,
        subprocess.Popen(
            on_core(core, command), stdin=input_, stdout=output, stderr=output
        ) as child,
    ):
        try:
            while not answers(port):
                if child.poll() is not None or time.monotonic() - begun > PATIENCE:
                    said = log.read_text(errors="replace")[-2000:]
                    raise RuntimeError(f"{command[0]} does not listen:\n{said}")
                time.sleep(0.001)
            yield Program(child.pid, time.monotonic() - begun)
        finally:
            child.terminate()  # this very process, by its pid
            try:
                child.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                child.kill()


def answers(port: int) -> bool:
    """Tell whether somebody takes connections at a port of this machine."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    """Return a port that nobody listens at now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
