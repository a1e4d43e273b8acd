"""How functions are run on this machine."""

from pathlib import Path

import msgspec

from bus.settings import BusSettings

MIB = 1024 * 1024


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What one revision gets at most; the stack's ``limits`` go before memory and cpu."""

    memory: int = 256 * MIB  # bytes of all its processes together
    disk: int = 64 * MIB  # bytes in its own folder, /tmp and /dev/shm together
    processes: int = 64  # threads count too
    files: int = 1024  # open at once, for each process


class SupervisorSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where the supervisor works and what it grants."""

    home: Path
    run: Path  # the folder of sockets; its path is short
    bus: BusSettings | None = None  # None: runtime logs go to standard error
    python: str = ""  # interpreter of Python functions; "": the one that runs Pushline
    node: str = ""  # interpreter of Node functions; "": found on the path
    limits: Limits = Limits()
    start_timeout: float = 30.0  # seconds until a revision must be ready
    uids: tuple[int, int] = (200_000, 1_200_000)  # of functions, when Pushline is root: from, to
    log_bytes: int = 0  # of lines that a tenant's functions may keep a day; 0: any number
    isolate: bool = True  # False: functions run as this user, with its files in their reach

    @property
    def socket(self) -> Path:
        """Return where the control API listens."""
        return self.run / "supervisor.sock"
