"""Settings of the platform's process; apart from it, for `up` fills them and imports no more."""

from pathlib import Path

import msgspec

from bus.settings import BusSettings
from edge.cli.home import Endpoint
from edge.cli.settings import Settings


class PlatformSettings(msgspec.Struct, frozen=True, kw_only=True):
    """All that edge and consumers are made of."""

    settings: Settings
    endpoint: Endpoint
    home: Path
    run: Path  # folder of sockets
    bus: BusSettings
    init: BusSettings  # of the role that may create streams
    tools: dict[str, str]  # environment of what a build calls
