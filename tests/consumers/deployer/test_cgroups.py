"""Control groups on this very machine, where it lets us make them."""

import os
import secrets
import subprocess
from pathlib import Path

import pytest

from consumers.deployer.local import cgroups


def made(name: str) -> cgroups.Group:
    """Return a new group; skip where none can be made."""
    group = cgroups.make(name, memory=64 * 2**20, processes=4, cpu=0.5)
    if group is None:
        pytest.skip("no control groups here: run the tests as root with a writable /sys/fs/cgroup")
    return group


def test_what_a_dead_supervisor_left_is_ended() -> None:
    """A process in a group of our home is killed by the sweep, others' are let be."""
    home = secrets.token_hex(4)
    group = made(f"{home}-a")
    other = made(f"{secrets.token_hex(4)}-a")
    with subprocess.Popen(["sleep", "100"]) as mine, subprocess.Popen(["sleep", "100"]) as theirs:
        for joins, process in ((group.joins, mine), (other.joins, theirs)):
            for file in joins:
                Path(file).write_text(str(process.pid))
        assert group.processes() == [mine.pid]

        cgroups.sweep(f"{home}-")

        assert mine.wait(10) == -9
        assert theirs.poll() is None
        theirs.kill()
    group.remove()
    other.remove()


def test_empty_groups_of_nobody_are_removed_in_time() -> None:
    """A group whose home is gone goes with whichever supervisor starts a minute later."""
    group = made(f"{secrets.token_hex(4)}-a")

    cgroups.sweep("another-")
    assert all(folder.exists() for folder in group.folders.values())

    for folder in group.folders.values():
        os.utime(folder, (0, 0))
    cgroups.sweep("another-")
    assert not any(folder.exists() for folder in group.folders.values())
