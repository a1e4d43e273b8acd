"""The key file: X25519 keys that open what is sealed, in ``<home>/secrets/keys.json``, 0600.

The newest key seals. Older ones are there only while a rotation is under way. Whoever seals holds
the folder's lock shared until the fact is in the log, whoever drops a key holds it alone: no value
is recorded under a key that goes.
"""

import asyncio
import fcntl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import msgspec

from bus.keyfolder import KeyFolder
from consumers.secrets.keys import KeyGone, Ring, new_key
from schemas.errors import PushlineError, Retry

NAME: Final = "keys.json"
POLL: Final = 0.01  # seconds between two tries for a lock that another holds
PATIENCE: Final = 10.0  # seconds of tries


class KeysDamaged(PushlineError):
    """The key file cannot be read as one."""

    code = "keys_damaged"


class KeysBusy(Retry):
    """Another call holds the keys."""

    code = "keys_busy"


class KeyFile:
    """The keys of one home. What blocks here takes a moment: call it by ``run_blocking``."""

    def __init__(self, folder: Path) -> None:
        """Keep the keys in ``folder``, which is made with the first of them."""
        self.folder = folder
        self.path = folder / NAME
        self._files = KeyFolder(folder, rotate="pushline secrets rotate")

    def ring(self) -> Ring:
        """Return the keys, the first one made now if there is none.

        Raises KeysUnsafe and KeysDamaged.
        """
        return self._read() or self._first()

    def existing(self) -> Ring:
        """Return the keys for whoever opens: a first one of its own would open nothing.

        Raises KeyGone, KeysUnsafe and KeysDamaged.
        """
        ring = self._read()
        if ring is None:
            raise KeyGone(f"there is no key file {self.path}")
        return ring

    def add(self) -> Ring:
        """Make a key, which seals from now on."""
        ring = Ring((*self.ring().keys, new_key()))
        self._write(ring)
        return ring

    def drop_older(self) -> tuple[str, ...]:
        """Forget all keys but the newest; return the ids of those that are gone."""
        ring = self.ring()
        self._write(Ring((ring.newest,)))
        return tuple(key.id for key in ring.keys[:-1])

    @asynccontextmanager
    async def sealing(self) -> AsyncIterator[None]:
        """Hold the keys, with others that seal: none is dropped meanwhile; raises KeysBusy."""
        async with self._locked("lock", fcntl.LOCK_SH):
            yield

    @asynccontextmanager
    async def dropping(self) -> AsyncIterator[None]:
        """Hold the keys alone: nobody seals meanwhile; raises KeysBusy."""
        async with self._locked("lock", fcntl.LOCK_EX):
            yield

    @asynccontextmanager
    async def rotating(self) -> AsyncIterator[None]:
        """Be the only rotation; raises KeysBusy."""
        async with self._locked("rotation", fcntl.LOCK_EX, patience=0):
            yield

    @asynccontextmanager
    async def _locked(
        self, name: str, how: int, *, patience: float = PATIENCE
    ) -> AsyncIterator[None]:
        """Hold a lock, which the kernel takes back from whoever dies."""
        self._files.make()
        deadline = asyncio.get_running_loop().time() + patience
        # tries instead of waiting in a thread: those who wait would take all threads there are
        with self._files.usable():
            opened = (self.folder / name).open("ab")
        with opened as file:
            while True:
                try:
                    fcntl.flock(file, how | fcntl.LOCK_NB)
                    break
                except BlockingIOError as error:
                    if asyncio.get_running_loop().time() >= deadline:
                        what = "a rotation of keys" if name == "rotation" else "another call"
                        raise KeysBusy(f"{what} is under way", hint="try again") from error
                await asyncio.sleep(POLL)
            yield

    def _read(self) -> Ring | None:
        """Return the keys, None where there is no file yet."""
        body = self._files.read(NAME)
        if body is None:
            return None
        try:
            ring = msgspec.json.decode(body, type=Ring)
        except msgspec.DecodeError:
            ring = Ring(())
        if not ring.keys or any(len(key.private) != 32 for key in ring.keys):
            # the decoder's own words may quote what it read
            raise KeysDamaged(
                f"{self.path} is no key file", hint="bring it back from a backup; secrets need it"
            )
        return ring

    def _first(self) -> Ring:
        """Make the first key; of two processes that do so, one wins and both use its key."""
        self._files.create(NAME, _encoded(Ring((new_key(),))))
        made = self._read()
        if made is None:
            raise KeysDamaged(f"{self.path} was taken away while it was made", hint="try again")
        return made

    def _write(self, ring: Ring) -> None:
        self._files.write(NAME, _encoded(ring))


def _encoded(ring: Ring) -> bytes:
    return msgspec.json.format(msgspec.json.encode(ring), indent=2) + b"\n"
