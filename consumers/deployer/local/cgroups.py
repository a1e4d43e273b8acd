"""Control groups: memory, processes and CPU of all that one revision starts, together.

Version 2 where its controllers are there, else version 1; none without the right to write.
"""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

ROOT: Final = Path("/sys/fs/cgroup")
PARENT: Final = "pushline"
ABANDONED: Final = 60.0  # seconds after which an empty group is nobody's any more
PERIOD: Final = 100_000  # µs: the slice in which a quota of CPU is counted


class Group(msgspec.Struct, frozen=True):
    """The folders of one revision; one with version 2, one per controller with version 1."""

    folders: dict[str, Path]  # by controller

    @property
    def joins(self) -> list[str]:
        """Return the files that take a process id."""
        return sorted({str(folder / "cgroup.procs") for folder in self.folders.values()})

    def oom_kills(self) -> int:
        """Return how often the kernel killed in here for want of memory."""
        folder = self.folders["memory"]
        for file in ("memory.events", "memory.oom_control"):
            with contextlib.suppress(OSError):
                words = dict(line.split() for line in (folder / file).read_text().splitlines())
                return int(words.get("oom_kill", 0))
        return 0

    def processes(self) -> list[int]:
        """Return who is in here."""
        with contextlib.suppress(OSError):
            return [int(pid) for pid in Path(self.joins[0]).read_text().split()]
        return []

    def remove(self) -> None:
        """Kill what is left and remove the folders, as far as they are empty by now."""
        for folder in set(self.folders.values()):
            with contextlib.suppress(OSError):
                (folder / "cgroup.kill").write_text("1")
            with contextlib.suppress(OSError):
                folder.rmdir()


def make(name: str, *, memory: int, processes: int, cpu: float = 0.0) -> Group | None:
    """Return a new group with these limits, or None where that is not possible."""
    try:
        group = _second(name) or _first(name)
        if group is not None:
            for file, value in _limits(group, memory, processes, cpu):
                file.write_text(str(value))
    except OSError:
        return None
    return group


def _second(name: str) -> Group | None:
    """Return a folder of version 2, when it has the controllers."""
    controllers = ROOT / "cgroup.controllers"
    if not controllers.exists() or not {"memory", "pids"} <= set(controllers.read_text().split()):
        return None
    parent = ROOT / PARENT
    parent.mkdir(exist_ok=True)
    for folder in (ROOT, parent):
        for controller in ("memory", "pids", "cpu"):
            with contextlib.suppress(OSError):  # the limits that are written next tell
                (folder / "cgroup.subtree_control").write_text(f"+{controller}")
    folder = parent / name
    folder.mkdir(exist_ok=True)
    return Group(dict.fromkeys(("memory", "pids", "cpu"), folder))


def _first(name: str) -> Group | None:
    """Return folders of version 1."""
    folders = {}
    for controller in ("memory", "pids"):
        if not (ROOT / controller / "cgroup.procs").exists():
            return None
        folders[controller] = ROOT / controller / PARENT / name
    if (ROOT / "cpu" / "cgroup.procs").exists():
        folders["cpu"] = ROOT / "cpu" / PARENT / name
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
    return Group(folders)


def _limits(
    group: Group, memory: int, processes: int, cpu: float
) -> Iterator[tuple[Path, int | str]]:
    """Yield file and value of each limit; swap counts as memory where the kernel has it."""
    folders, quota = group.folders, int(cpu * PERIOD)
    if (folders["memory"] / "memory.max").exists():
        yield folders["memory"] / "memory.max", memory
        if (folders["memory"] / "memory.swap.max").exists():
            yield folders["memory"] / "memory.swap.max", 0
        if quota and (folders["cpu"] / "cpu.max").exists():
            yield folders["cpu"] / "cpu.max", f"{quota} {PERIOD}"
    else:
        yield folders["memory"] / "memory.limit_in_bytes", memory
        if (folders["memory"] / "memory.memsw.limit_in_bytes").exists():
            yield folders["memory"] / "memory.memsw.limit_in_bytes", memory
        if quota and (folders.get("cpu", ROOT) / "cpu.cfs_quota_us").exists():
            yield folders["cpu"] / "cpu.cfs_quota_us", quota
    yield folders["pids"] / "pids.max", processes


def sweep(prefix: str) -> None:
    """Kill and remove the groups whose names begin so: what a supervisor that died left.

    Others' groups are removed when they are old and empty, which the kernel itself checks: their
    home may be gone, and nobody else would ever look.
    """
    for parent in {ROOT / PARENT, *(ROOT / name / PARENT for name in ("memory", "pids", "cpu"))}:
        for folder in parent.glob("*-*/"):
            with contextlib.suppress(OSError, ValueError):
                if folder.name.startswith(prefix):
                    for pid in (folder / "cgroup.procs").read_text().split():
                        os.kill(int(pid), signal.SIGKILL)
                elif time.time() - folder.stat().st_mtime < ABANDONED:
                    continue
                folder.rmdir()
