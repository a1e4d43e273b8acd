"""Keys: X25519 pairs, of which the newest seals and each opens."""

import hashlib
from datetime import UTC, datetime

import msgspec

from schemas.errors import GiveUp


class KeyGone(GiveUp):
    """What was sealed wants a key that is not in the key file."""

    code = "key_gone"


class Key(msgspec.Struct, frozen=True):
    """One pair; the public half follows from the private one."""

    id: str
    created: datetime
    private: bytes

    def __repr__(self) -> str:
        """Return which key it is, and nothing that opens."""
        return f"Key(id={self.id!r})"

    def public(self) -> bytes:
        """Return the half that seals."""
        from nacl.public import PrivateKey  # libsodium, 20 ms that only secrets have to wait for

        return bytes(PrivateKey(self.private).public_key)


class Ring(msgspec.Struct, frozen=True):
    """All keys, oldest first."""

    keys: tuple[Key, ...]

    @property
    def newest(self) -> Key:
        """Return the key that seals."""
        return self.keys[-1]

    def get(self, id: str) -> Key:
        """Return the key of this id; raises KeyGone."""
        for key in self.keys:
            if key.id == id:
                return key
        raise KeyGone(f"the key {id} is not in the key file")


def new_key() -> Key:
    """Return a fresh pair; its id follows from its public half."""
    from nacl.public import PrivateKey

    private = PrivateKey.generate()
    id = hashlib.sha256(bytes(private.public_key)).hexdigest()[:16]
    return Key(id, datetime.now(UTC), bytes(private))
