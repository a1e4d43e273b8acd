"""What the routers of a house have counted, asked for when somebody asks the platform."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import msgspec
from prometheus_client import REGISTRY

from bus import telemetry
from edge.router.counters import Counted
from edge.router.instruments import Routers

SUFFIX: Final = "-metrics.sock"  # behind a router's name, in the folder of sockets
PATIENCE: Final = 1.0  # seconds for all of them


@asynccontextmanager
async def with_routers(run: Path) -> AsyncIterator[Callable[[], Awaitable[bytes]]]:
    """Yield what returns the platform's metrics, those of the routers among them."""
    known: dict[str, Counted] = {}
    collector = Routers(lambda: known)
    REGISTRY.register(collector)

    async def exposition() -> bytes:
        found = await gathered(run)
        known.clear()
        known.update(found)
        return telemetry.exposition()

    try:
        yield exposition
    finally:
        REGISTRY.unregister(collector)


async def gathered(run: Path) -> dict[str, Counted]:
    """Return the numbers of each router that answers at once."""
    sockets = sorted(run.glob(f"router*{SUFFIX}"))
    found = await asyncio.gather(*(asked(path) for path in sockets))
    names = (path.name.removesuffix(SUFFIX) for path in sockets)
    return {name: one for name, one in zip(names, found, strict=True) if one is not None}


async def asked(path: Path) -> Counted | None:
    """Return what one router has counted, None where it does not answer."""
    try:
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_unix_connection(path)
            try:
                writer.write(b"GET /counted HTTP/1.1\r\nHost: router\r\n\r\n")
                body = (await reader.read(-1)).partition(b"\r\n\r\n")[2]
            finally:
                writer.close()
            return msgspec.json.decode(body, type=Counted)
    except (OSError, TimeoutError, msgspec.DecodeError):
        return None
