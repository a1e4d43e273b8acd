"""Settings of the bus; imports no client of the log."""

from pathlib import Path
from typing import Final, Literal

import msgspec

GIB: Final = 1024**3


class BusSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where the log is and how it is kept."""

    nats_url: str = "nats://127.0.0.1:4222"
    user: str = ""
    password: str = ""
    home: Path  # of blobs, snapshots and the high-water mark
    replicas: Literal[1, 3] = 1  # 3: a cluster
    log_bytes: int = 8 * GIB  # room for all streams; never more than 60 % of the disk

    def __repr__(self) -> str:
        """Return all but the password."""
        return f"BusSettings(nats_url={self.nats_url!r}, user={self.user!r}, home={self.home!r})"

    @property
    def inbox(self) -> str:
        """Return the prefix of the subjects that this role's answers come to."""
        return f"_INBOX_{self.user}" if self.user else "_INBOX"
