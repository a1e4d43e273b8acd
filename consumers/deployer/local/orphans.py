"""Orphans: what a supervisor that was killed may have left, where no namespace ended it.

Every program's environment names its own folder below the home; that is how it is known.
"""

import asyncio
import contextlib
import os
import shutil
import signal
from pathlib import Path
from typing import Final

ROUNDS: Final = 20


def find(home: Path) -> list[int]:
    """Return the processes whose HOME is a function's folder of this home."""
    mark = b"HOME=" + os.fsencode(home / "functions") + b"/"
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                words = (entry / "environ").read_bytes().split(b"\0")
                if any(word.startswith(mark) for word in words):
                    found.append(int(entry.name))
    return found


async def end(home: Path) -> int:
    """Kill them until none is left, and empty their folders; return how many there were."""
    seen: set[int] = set()
    for _ in range(ROUNDS):
        found = find(home)
        if not found:
            break
        seen.update(found)
        for pid in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(0.05)
    for folder in (home / "functions").glob("*"):
        shutil.rmtree(folder, ignore_errors=True)
    return len(seen)
