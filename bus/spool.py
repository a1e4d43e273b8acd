"""Bodies of large deliveries: taken also while the store of blobs is away.

No forge sends a delivery again of itself, so one that was answered 503 is lost until a person
looks. The body waits here, on the disk, and is brought to the store when that is back.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import structlog

from bus import instruments
from bus.blobs import Blobs, DirectoryBlobs
from bus.blocking import run_blocking
from schemas.errors import BlobDamaged, BlobMissing, BlobsUnavailable
from schemas.ids import Digest

log = structlog.get_logger(__name__)

WITHIN: Final = 4.0  # seconds for the store; forges wait 10 for our answer
AGAIN: Final = 5.0  # seconds between two attempts to bring what waits to the store


class Spool:
    """A store with a folder in front of it; shared between tasks."""

    def __init__(
        self, store: Blobs, folder: Path, *, within: float = WITHIN, again: float = AGAIN
    ) -> None:
        """Keep in ``folder`` what ``store`` does not take."""
        self._store = store
        self._folder = folder
        self._here = DirectoryBlobs(folder)
        self._within = within
        self._again = again
        self._news = asyncio.Event()
        self._news.set()  # what an earlier process has left here

    async def put(self, body: bytes) -> Digest:
        """Store the bytes, there or here; when this returns they survive a power cut."""
        try:
            async with asyncio.timeout(self._within):
                return await self._store.put(body)
        except (BlobsUnavailable, TimeoutError):
            digest = await self._here.put(body)
            log.warning("delivery_spooled", digest=digest, bytes=len(body))
            self._news.set()
            return digest

    async def get(self, digest: Digest) -> bytes:
        """Return the bytes; BlobsUnavailable while another process may still have them."""
        try:
            return await self._here.get(digest)
        except (BlobMissing, BlobDamaged):
            pass  # as nearly always: it is in the store
        try:
            return await self._store.get(digest)
        except BlobMissing as error:
            raise BlobsUnavailable(f"{digest} has not come to the store of blobs yet") from error

    async def forward(self) -> None:
        """Bring what waits here to the store, for ever."""
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                for path in await run_blocking(list, self._waiting()):
                    await self._bring(path)
            except (BlobsUnavailable, OSError) as error:
                log.info("spool_waits", why=type(error).__name__)
                self._news.set()
                await asyncio.sleep(self._again)

    async def _bring(self, path: Path) -> None:
        digest = await self._store.put(path)
        await self._here.delete("sha256:" + path.name)
        log.info("spool_forwarded", digest=digest)
        instruments.forwarded.inc()

    def _waiting(self) -> Iterator[Path]:
        return (path for path in self._folder.glob("??/*") if not path.name.startswith("."))
