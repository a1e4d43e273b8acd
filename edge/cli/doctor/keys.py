"""The keys that open secrets: there, ours alone, and no rotation left half done."""

from typing import Final

from bus.blocking import run_blocking
from consumers.secrets.keyfile import KeyFile
from edge.cli.doctor.finding import Check, Outcome, Subject, off, ok, warn
from edge.cli.settings import keys_of


async def keys(subject: Subject) -> Outcome:
    """Read the key file as whoever seals and opens does; none is made."""
    return await run_blocking(_read, KeyFile(keys_of(subject.chosen, subject.home)))


def _read(file: KeyFile) -> Outcome:
    if not file.path.exists():
        return off(f"there is no {file.path} yet; the first secret makes it")
    ring = file.existing()
    if len(ring.keys) > 1:
        return warn("a rotation was cut short: two keys open secrets", "pushline secrets rotate")
    made = f"{ring.newest.created:%Y-%m-%d}"
    return ok(f"{file.path} has the key {ring.newest.id} of {made}; is there a backup of it?")


CHECKS: Final = (Check("keys", keys, cure="bring it back from a backup"),)
