"""The home: private, with room, on a disk whose locks lock."""

import fcntl
import shutil
import tempfile
from pathlib import Path
from typing import Final

from bus.blocking import run_blocking
from edge.cli.doctor.finding import Check, Outcome, Subject, fail, off, ok, warn

MIB, GIB = 1024**2, 1024**3
SECRET: Final = ("token", "endpoint.json", "nats/credentials.json", "secrets/keys.json")
LOW: Final = 2 * GIB  # free bytes below which it is told
LEAST: Final = 200 * MIB  # free bytes below which the next build may fail


async def private(subject: Subject) -> Outcome:
    """Look at who else may write in the home, or read its secrets."""
    return await run_blocking(_private, subject.home)


def _private(home: Path) -> Outcome:
    if not home.is_dir():
        return off(f"{home} is not there yet; the first start makes it")
    if (mode := home.stat().st_mode & 0o777) & 0o022:
        return fail(f"{home} can be written by others ({mode:o})", f"chmod go-w {home}")
    for name in SECRET:
        path = home / name
        if path.exists() and (mode := path.stat().st_mode & 0o777) & 0o077:
            return fail(f"{path} is open to others ({mode:o})", f"chmod 600 {path}")
    return ok(f"{home} is written by its owner alone, and so are its secrets")


async def writable(subject: Subject) -> Outcome:
    """Write a file, and take its lock twice: some network disks grant both."""
    return await run_blocking(_writable, subject.home)


def _writable(home: Path) -> Outcome:
    if not home.is_dir():
        return off("there is no home yet")
    try:
        with tempfile.NamedTemporaryFile(dir=home, prefix=".doctor-") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _locked(Path(file.name)):
                return ok("files are written, and locks lock")
    except OSError as error:
        return fail(
            f"{home}: {error.strerror}",
            "mount a disk there, or give it to the user that Pushline runs as",
        )
    return fail(f"locks on {home} do not lock", "put the home on a disk of this machine")


def _locked(path: Path) -> bool:
    """Tell whether a lock that is held is refused to others."""
    with path.open("rb") as other:
        try:
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


async def room(subject: Subject) -> Outcome:
    """Look at the disk's free room."""
    return await run_blocking(_room, subject.home)


def _room(home: Path) -> Outcome:
    there = next(path for path in (home, *home.parents) if path.exists())
    free = shutil.disk_usage(there).free
    says = f"{free / GIB:.1f} GiB are free"
    if free < LEAST:
        return fail(says, f"make room on the disk of {there}")
    if free < LOW:
        return warn(says, f"make room on the disk of {there}")
    return ok(says)


CHECKS: Final = (
    Check("home.private", private),
    Check("home.writable", writable),
    Check("home.room", room),
)
