"""The machine: its clock, git, and the names that functions answer at."""

import asyncio
import shutil
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from bus.connection import session
from edge.cli.doctor.finding import Check, Outcome, Subject, fail, off, ok, warn
from edge.cli.variables import variable
from schemas.errors import LogUnavailable

TOLD: Final = timedelta(seconds=2)  # apart: times in the waterfall begin to lie
WRONG: Final = timedelta(minutes=5)  # apart: S3 and token services refuse what we sign
BUILT: Final = datetime(2026, 1, 1, tzinfo=UTC)  # no clock is right before this was written


async def clock(
    subject: Subject, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Outcome:
    """Compare our clock with that of the log's server."""
    if now() < BUILT:
        return fail(f"the clock says {now():%Y-%m-%d}", "set it, and let NTP keep it")
    if subject.reader is None:
        return ok(f"it is {now():%Y-%m-%d %H:%M:%S} UTC; there is no other clock to compare with")
    try:
        async with session(subject.reader, name="doctor") as js:
            begun = now()
            info = await js.info("EVENTS")
            middle = begun + (now() - begun) / 2
    except LogUnavailable:
        return off("the log, whose clock is compared with, was not reached")
    if info is None or "ts" not in info:
        return off("the log, whose clock is compared with, is not there")
    return apart(middle, msgspec.convert(info["ts"], datetime), "the log's server")


def apart(ours: datetime, theirs: datetime, whose: str) -> Outcome:
    """Return what two clocks mean for each other."""
    distance = abs(ours - theirs)
    says = f"{distance.total_seconds():.3f} s between our clock and that of {whose}"
    cure = "let NTP keep the clocks of both machines"
    if distance > WRONG:
        return fail(says, cure)
    return warn(says, cure) if distance > TOLD else ok(says)


async def git(subject: Subject) -> Outcome:  # noqa: ARG001 - as every check is called
    """Look for git, which people push with; Pushline itself needs none."""
    path = shutil.which("git")
    if path is None:
        return warn("there is no git", "get it to push from here, and for `pushline demo`")
    return ok(path)


async def names(subject: Subject) -> Outcome:
    """Ask where a tenant's host name leads."""
    root = subject.chosen.root_domain
    missing = [name for name in (f"system.{root}", f"doctor.{root}") if not await _known(name)]
    if not missing:
        return ok(f"*.{root} is known")
    if root == "localhost":
        return warn(
            f"this machine does not know *.{root}; browsers and curl do",
            "for other programs name the host in a header, as `Host: TENANT.localhost`",
        )
    return fail(
        f"{missing[0]} leads nowhere",
        f"make a DNS record *.{root} that leads to the router, or set {variable('root_domain')}",
    )


async def _known(name: str) -> bool:
    try:
        await asyncio.get_running_loop().getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return True


CHECKS: Final = (
    Check("machine.clock", clock),
    Check("machine.git", git),
    Check("machine.names", names),
)
