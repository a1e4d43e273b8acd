"""Signing keys: ES256 (P-256), of which each edge keeps its own in ``signing.json``, 0600."""

import base64
import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from bus.keyfolder import KeyFolder
from schemas.errors import PushlineError
from schemas.events.key import KeyPublished

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

NAME: Final = "signing.json"
SIZE: Final = 32  # bytes of a private key and of each coordinate


class SigningDamaged(PushlineError):
    """The file of signing keys cannot be read as one."""

    code = "signing_damaged"


class SigningKey(msgspec.Struct, frozen=True):
    """One key; its public half follows from the private one."""

    kid: str
    created: datetime
    private: bytes

    def __repr__(self) -> str:
        """Return which key it is, and nothing that signs."""
        return f"SigningKey(kid={self.kid!r})"

    def public(self) -> KeyPublished:
        """Return the half that everybody may have."""
        numbers = self.loaded().public_key().public_numbers()
        return KeyPublished(x=_text(numbers.x), y=_text(numbers.y))

    def sign(self, claims: dict[str, Any]) -> str:
        """Return a token that says so."""
        import jwt  # with cryptography 0.1 s, which only those who sign in wait for

        return jwt.encode(claims, self.loaded(), algorithm="ES256", headers={"kid": self.kid})

    def loaded(self) -> "ec.EllipticCurvePrivateKey":
        """Return it as the library has it."""
        from cryptography.hazmat.primitives.asymmetric import ec

        return ec.derive_private_key(int.from_bytes(self.private, "big"), ec.SECP256R1())


class SigningFile:
    """The keys of one edge, oldest first. What blocks here takes a moment."""

    def __init__(self, folder: Path) -> None:
        """Keep the keys in ``folder``, which is made with the first of them."""
        self._files = KeyFolder(folder, rotate="pushline keys rotate")
        self._path = folder / NAME

    def read(self) -> tuple[SigningKey, ...]:
        """Return all keys, none where there is no file; raises SigningDamaged, KeysUnsafe."""
        body = self._files.read(NAME)
        if body is None:
            return ()
        try:
            keys = msgspec.json.decode(body, type=tuple[SigningKey, ...])
        except msgspec.DecodeError:
            keys = ()
        if not keys or any(len(key.private) != SIZE for key in keys):
            # the decoder's own words may quote what it read
            raise SigningDamaged(
                f"{self._path} is no file of signing keys",
                hint="remove it: a new key is made, and what the old ones signed stays good",
            )
        return keys

    def first(self) -> tuple[SigningKey, ...]:
        """Return all keys, one made now if there is none; of two that do so, one wins."""
        if found := self.read():
            return found
        self._files.create(NAME, _encoded((new_key(),)))
        return self.read()

    def add(self) -> SigningKey:
        """Make another key."""
        fresh = new_key()
        if not (found := self.read()):
            return self.first()[-1]
        self._files.write(NAME, _encoded((*found, fresh)))
        return fresh

    def keep(self, kids: frozenset[str]) -> None:
        """Forget all keys but these and the newest."""
        found = self.read()
        kept = tuple(key for key in found if key.kid in kids or key is found[-1])
        if kept != found:
            self._files.write(NAME, _encoded(kept))


def new_key() -> SigningKey:
    """Return a fresh key; its id is the start of its thumbprint (RFC 7638)."""
    from cryptography.hazmat.primitives.asymmetric import ec

    numbers = ec.generate_private_key(ec.SECP256R1()).private_numbers()
    x, y = (_text(value) for value in (numbers.public_numbers.x, numbers.public_numbers.y))
    thumb = hashlib.sha256(f'{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}'.encode())
    kid = base64.urlsafe_b64encode(thumb.digest()[:12]).decode()
    return SigningKey(kid, datetime.now(UTC), numbers.private_value.to_bytes(SIZE, "big"))


def _text(value: int) -> str:
    return base64.urlsafe_b64encode(value.to_bytes(SIZE, "big")).rstrip(b"=").decode()


def _encoded(keys: tuple[SigningKey, ...]) -> bytes:
    return msgspec.json.format(msgspec.json.encode(keys), indent=2) + b"\n"
