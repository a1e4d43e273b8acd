"""Entry of the child processes; `up` starts them, nobody by hand.

``python -m edge.cli.child <name> <pid of up>``; settings come as JSON on standard input, for
arguments and environment can be read by others. What a child needs is imported before they are
read: `up` starts all children first and has the log's server start meanwhile.
"""

import ctypes
import gc
import importlib
import os
import signal
import sys
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from bus.lean import import_without

PR_SET_PDEATHSIG: Final = 1  # prctl(2)
UNUSABLE: Final = 78  # exit code: starting again would not help (EX_CONFIG of sysexits.h)

# name: module with run(settings), module and name of the settings' type
ENTRIES: Final = {
    "router": ("edge.router.main", "edge.router.settings", "RouterSettings"),
    "platform": ("edge.cli.platform", "edge.cli.platform", "PlatformSettings"),
    "supervisor": (
        "consumers.deployer.local.supervisor",
        "consumers.deployer.local.settings",
        "SupervisorSettings",
    ),
}


class Payload(msgspec.Struct, frozen=True):
    """What a child is told."""

    settings: msgspec.Raw
    log_level: str
    log_format: Literal["auto", "console", "json"]


def payload(
    settings: msgspec.Struct, *, log_level: str, log_format: Literal["auto", "console", "json"]
) -> bytes:
    """Return what is written to a child's standard input."""
    body = msgspec.json.encode(settings, enc_hook=str)  # paths
    return msgspec.json.encode(Payload(msgspec.Raw(body), log_level, log_format))


def die_with(parent: int) -> None:
    """Have the kernel end this process when ``parent`` does; ends it now if that was missed."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


def log_plainly() -> None:
    """Import structlog without rich, which it would take for coloured tracebacks: 0.2 s a child."""
    import_without("rich", "structlog")


def main(name: str, parent: int) -> int:
    """Run one child until it is told to end; return its exit code."""
    die_with(parent)
    gc.disable()  # what is imported stays: to look for garbage in it is a tenth of the start
    log_plainly()
    entry, place, kind = ENTRIES[name]
    run = importlib.import_module(entry).run
    settings_type = getattr(importlib.import_module(place), kind)
    from edge.cli import logs
    from schemas.errors import PushlineError, Retry

    gc.freeze()
    gc.enable()
    told = msgspec.json.decode(sys.stdin.buffer.read(), type=Payload)
    logs.configure(name, level=told.log_level, format=told.log_format)
    settings = msgspec.json.decode(told.settings, type=settings_type, dec_hook=_path)
    try:
        run(settings)
    except PushlineError as error:
        if isinstance(error, Retry):
            raise
        sys.stderr.write(f"error: {name}: {error}\n")
        return UNUSABLE
    return 0


def _path(kind: type[Any], value: str) -> Path:
    if kind is Path:
        return Path(value)
    raise NotImplementedError(kind)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
