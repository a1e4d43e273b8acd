"""Limits that we watch ourselves, where the kernel does not hold them for us."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from consumers.deployer.local import cgroups
from consumers.deployer.local.cells import Cell
from consumers.deployer.local.launch import Launch

EVERY: Final = 0.25  # seconds between two looks
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


async def enforce(
    launch: Launch, cell: Cell, group: cgroups.Group | None, say: Callable[[str], None]
) -> str:
    """End the cell when it is over a limit, and return which; else go on for ever.

    What the kernel did by itself is said.
    """
    killed = 0
    while True:
        await asyncio.sleep(EVERY)
        if found := _excess(launch, cell, counted=group is not None):
            cell.close()
            return found
        if group is not None and (now := group.oom_kills()) > killed:
            killed = now
            say(f"the kernel killed a process: over {launch.memory // 2**20} MiB of memory")


def _excess(launch: Launch, cell: Cell, *, counted: bool) -> str:
    """Return what is over its limit, in words, or nothing."""
    limits = launch.ground.settings.limits
    if not counted:
        pids = processes(cell.process.pid)
        if len(pids) > limits.processes:
            return f"was killed: over {limits.processes} processes"
        if memory(pids) > launch.memory:
            return f"was killed: over {launch.memory // 2**20} MiB of memory"
    if launch.ground.walls in ("uid", "none") and disk(launch.own) > limits.disk:
        return f"was killed: over {limits.disk // 2**20} MiB in its folder"
    return ""


def processes(root: int) -> list[int]:
    """Return all descendants of the process ``root``."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue  # it has just ended
            children.setdefault(int(stat.rpartition(")")[2].split()[1]), []).append(int(entry.name))
    found, open_ = [], [root]
    while open_:
        below = children.get(open_.pop(), [])
        found += below
        open_ += below
    return found


def memory(pids: list[int]) -> int:
    """Return the resident bytes of these processes; shared pages count in each."""
    total = 0
    for pid in pids:
        try:
            total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
        except (OSError, IndexError):
            continue
    return total


def disk(folder: str) -> int:
    """Return the bytes that lie below ``folder``; links are not followed."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(Path(place) / name).st_blocks * 512
            except OSError:
                continue
    return total
