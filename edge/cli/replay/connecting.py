"""Two users of the log: one reads and copies, and can change nothing; the other records."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from bus.connection import Bus, connect
from bus.settings import BusSettings
from edge.cli import operator
from edge.cli import settings as choices
from edge.cli.stores import with_blobs
from edge.cli.variables import variable
from schemas.errors import SettingInvalid

ROLE: Final = "replay"


class Connections(NamedTuple):
    """Both of them."""

    reading: Bus
    writing: Bus


@asynccontextmanager
async def connections(home: Path | None) -> AsyncIterator[Connections]:
    """Yield both connections to that home's log, or to a log apart; raises NotRunning."""
    async with (
        connect(reader(home), name="replay") as reading,
        connect(operator.settings(home), name="replay-journal") as writing,
    ):
        yield Connections(reading, writing)


def reader(home: Path | None) -> BusSettings:
    """Return how the log is read, with the blobs that the settings choose."""
    chosen, _, _ = choices.current()
    found = operator.settings(home, ROLE)
    if home is None and chosen.nats_url and chosen.nats_password:
        if not chosen.nats_replay_password:
            raise SettingInvalid(
                f"{variable('nats_replay_password')} is not set: a replay does not read as a user "
                "who may write",
                hint="give it the password of the log's user replay",
            )
        password = chosen.nats_replay_password
        found = msgspec.structs.replace(found, user=ROLE, password=password)
    return with_blobs(found, chosen)
