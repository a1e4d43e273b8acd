"""Settings of the platform's process; apart from it, for `up` fills them and imports no more."""

from pathlib import Path
from typing import Final

import msgspec

from bus.settings import BusSettings
from edge.cli.home import Endpoint
from edge.cli.settings import Settings, keys_of

SOCKET: Final = "platform.sock"  # of `up`, in the folder of sockets


class Forge(msgspec.Struct, frozen=True):
    """Where our own forge hands out repositories."""

    url: str  # http://HOST:PORT/git
    socket: Path | None = None  # the Unix socket that answers in the host's place


class PlatformSettings(msgspec.Struct, frozen=True, kw_only=True):
    """All that edge and consumers are made of."""

    settings: Settings
    endpoint: Endpoint
    home: Path
    run: Path  # folder of sockets
    forge: Forge
    bus: BusSettings
    init: BusSettings | None = None  # of the role that may create streams; `up` has it
    tools: dict[str, str]  # environment of what a build calls

    @property
    def keys(self) -> Path:
        """Return the folder of the keys that open secrets."""
        return keys_of(self.settings, self.home)

    @property
    def snapshots(self) -> Path:
        """Return the folder of the folds' snapshots; losing it costs a slower start."""
        return self.home / "snapshots"
