"""A folder of private keys: nobody else may come near, and each file is whole or not there.

What blocks here takes a moment: call it by ``run_blocking``.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bus.blobs import write_whole
from schemas.errors import PushlineError


class KeysUnsafe(PushlineError):
    """Somebody else than their owner can reach the keys."""

    code = "keys_unsafe"


class KeysUnusable(PushlineError):
    """The folder of the keys cannot be read or written."""

    code = "keys_unusable"


class KeyFolder:
    """The folder, made with the first file in it."""

    def __init__(self, path: Path, *, rotate: str) -> None:
        """Keep keys in ``path``; ``rotate`` is the command that makes new ones of the kind."""
        self.path = path
        self._rotate = rotate

    def make(self) -> None:
        """Make the folder; raises KeysUnusable."""
        with self.usable():
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def read(self, name: str) -> bytes | None:
        """Return what is in a file, None without one; raises KeysUnsafe and KeysUnusable."""
        path = self.path / name
        try:
            with self.usable(), path.open("rb") as file:
                self._refuse_loose(self.path, self.path.stat(), "700")
                self._refuse_loose(path, os.fstat(file.fileno()), "600")
                return file.read()
        except FileNotFoundError:
            return None

    def create(self, name: str, body: bytes) -> bool:
        """Write a file unless it is there; of two processes that do so, one wins."""
        self.make()
        fresh = self.path / f".first.{os.getpid()}.{os.urandom(4).hex()}"
        try:
            with self.usable():
                write_whole(fresh, body, mode=0o600)
            os.link(fresh, self.path / name)  # unlike a rename it fails where there is a file
        except FileExistsError:
            return False
        finally:
            fresh.unlink(missing_ok=True)
        return True

    def write(self, name: str, body: bytes) -> None:
        """Put a file in the place of the one before; raises KeysUnusable."""
        with self.usable():
            write_whole(self.path / name, body, mode=0o600)

    @contextmanager
    def usable(self) -> Iterator[None]:
        """Say of a folder that cannot be used what it should be."""
        try:
            yield
        except FileNotFoundError:
            raise
        except OSError as error:
            raise KeysUnusable(
                f"{error.filename or self.path}: {error.strerror}",
                hint=f"{self.path} has to be a folder of the user that Pushline runs as, 0700",
            ) from error

    def _refuse_loose(self, path: Path, found: os.stat_result, mode: str) -> None:
        """Raise KeysUnsafe where anybody but us (or root) may come."""
        if found.st_uid not in (os.geteuid(), 0):
            raise KeysUnsafe(
                f"{path} belongs to another user",
                hint=f"chown {os.geteuid()} {path}; chmod {mode} it",
            )
        if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise KeysUnsafe(
                f"others may reach {path} (mode {stat.S_IMODE(found.st_mode):03o})",
                hint=f"chmod {mode} {path}, and `{self._rotate}` if it may have been read",
            )
