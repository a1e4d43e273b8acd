"""How operators' commands reach the log of a running ``up``."""

import getpass
from pathlib import Path

from bus.server import credentials
from bus.settings import BusSettings
from edge.cli import apart, home, logs, where
from edge.cli import settings as choices

ROLE = "operator"  # may read the log, and write the facts of operators' commands


def settings(option: Path | None, role: str = ROLE) -> BusSettings:
    """Return what connects to that home's log, or to a log apart; raises NotRunning.

    From here on what the bus logs goes to standard error: standard output is the command's.
    """
    logs.of_command()
    found = where.find(option)
    chosen, _, _ = choices.current()
    if option is None and chosen.nats_url:
        return apart.log_of(chosen, role, found.path)
    running = home.endpoint(found)
    passwords = credentials(found.path / "nats" / "credentials.json")
    return BusSettings(nats_url=running.log, user=role, password=passwords[role], home=found.path)


def actor() -> str:
    """Return who stands in the record: whoever could read this home's credentials."""
    try:
        return f"operator:{getpass.getuser()}"
    except (KeyError, OSError):  # a container's number without a name
        return "operator"
