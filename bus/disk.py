"""How much of the disk the log may take."""

import shutil
from pathlib import Path


def room(home: Path, log_bytes: int) -> int:
    """Return the bytes all streams may take: what is set, and never over 60 % of the disk."""
    home.mkdir(parents=True, exist_ok=True)
    return min(log_bytes, int(shutil.disk_usage(home).total * 0.6))
