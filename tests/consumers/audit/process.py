"""One process that writes an audit record: URL HOME RECORD."""

import asyncio
import sys
from pathlib import Path

from bus.connection import connect
from bus.settings import BusSettings
from consumers.audit import anchors
from consumers.audit.consumer import audit


async def main(url: str, home: str, record: str) -> None:
    """Record until killed; anchors come often, so that they meet those of others."""
    anchors.EVERY = 20  # type: ignore[misc]
    async with connect(BusSettings(nats_url=url, home=Path(home)), name="replica") as bus:
        await audit(bus, Path(record), asyncio.Event())


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
