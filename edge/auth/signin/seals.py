"""Seals: what we hand a browser or a person and take back, unread and unchanged.

Fernet of ``cryptography``: encrypted, authenticated, and with the time of sealing in it. The key
lies in ``signin.key`` beside the other keys; without the file all that is under way begins again.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from bus.keyfolder import KeyFolder
from schemas.errors import PushlineError

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

NAME: Final = "signin.key"
LONGEST: Final = 6000  # bytes of what may be one

T = TypeVar("T", bound=msgspec.Struct)


class SealDamaged(PushlineError):
    """The file of the sealing key cannot be read as one."""

    code = "seal_damaged"


class Seals:
    """Seals tagged structs, one kind for each purpose. What blocks here takes a moment."""

    def __init__(self, folder: Path, *, now: Callable[[], float] = time.time) -> None:
        """Keep the key in ``folder``, which is made with the first of them."""
        self._files = KeyFolder(folder, rotate=f"rm {folder / NAME}")
        self._path = folder / NAME
        self._now = now

    def seal(self, value: msgspec.Struct) -> str:
        """Return ``value`` as a text for URLs and cookies."""
        body = msgspec.msgpack.encode(value)
        return self._fernet().encrypt_at_time(body, int(self._now())).decode()

    def opened(self, text: str, kind: type[T], *, within: int) -> T | None:
        """Return what was sealed as ``kind`` in the last seconds, None for anything else."""
        from cryptography.fernet import InvalidToken

        if not text or len(text) > LONGEST or not text.isascii():
            return None
        try:
            body = self._fernet().decrypt_at_time(text, within, int(self._now()))
            return msgspec.msgpack.decode(body, type=kind)
        except (InvalidToken, msgspec.DecodeError):
            return None

    def _fernet(self) -> "Fernet":
        from cryptography.fernet import Fernet  # 0.05 s, which only those who sign in wait for

        body = self._files.read(NAME)
        if body is None:
            self._files.create(NAME, Fernet.generate_key() + b"\n")
            body = self._files.read(NAME) or b""
        try:
            return Fernet(body.strip())
        except ValueError:
            raise SealDamaged(
                f"{self._path} is no sealing key", hint="remove it: a new one is made"
            ) from None
