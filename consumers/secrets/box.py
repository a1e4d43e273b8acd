"""Sealed boxes: a value and what it is for, for the holder of one key (X25519, XSalsa20-Poly1305).

The text of a box is ``pushline-sealed-1.<key id>.<base64url>``; it may be committed. What a box is
for stands inside: one tenant's box, put in another's place or under another name, does not open.
"""

import base64
from typing import Final

import msgspec

from consumers.secrets.keys import Ring
from schemas.envelope import Aggregate
from schemas.secrets import PublicKey, Scope, SecretInvalid

MARK: Final = "pushline-sealed-1"
LEAST: Final = 256  # bytes; sizes are powers of two, so that they say little about the value's
LONGEST: Final = 256 * 1024  # characters of a box; the longest value takes 171 KiB


class Content(msgspec.Struct, frozen=True):
    """What is inside."""

    purpose: tuple[str, ...]
    value: bytes

    def __repr__(self) -> str:
        """Return what it is for."""
        return f"Content(purpose={self.purpose!r})"


def stored(of: Aggregate) -> tuple[str, ...]:
    """Return the purpose of a box in our store: it holds for the forge's own ids."""
    return ("stored", of.forge, of.project, of.id)


def sent(scope: Scope, name: str) -> tuple[str, ...]:
    """Return the purpose of a box that somebody hands in: people know names only."""
    return ("sent", scope.forge, scope.of.lower(), name)


def seal(value: bytes, purpose: tuple[str, ...], key_id: str, public: bytes) -> str:
    """Return the text of a new box; never the same one twice."""
    from nacl.bindings import sodium_pad
    from nacl.public import PublicKey as Half
    from nacl.public import SealedBox

    content = msgspec.msgpack.encode(Content(purpose, value))
    size = max(LEAST, 1 << len(content).bit_length())
    box = SealedBox(Half(public)).encrypt(sodium_pad(content, size))
    return f"{MARK}.{key_id}.{base64.urlsafe_b64encode(box).decode().rstrip('=')}"


def seal_for(value: bytes, scope: Scope, name: str, key: PublicKey) -> str:
    """Return a box to be handed in; raises SecretInvalid for a key that is none."""
    try:
        public = base64.b64decode(key.public_key, validate=True)
    except ValueError:
        public = b""
    if len(public) != 32:
        raise SecretInvalid("public_key: it is not 32 bytes in base64")
    return seal(value, sent(scope, name), key.key_id, public)


def key_of(text: str) -> str:
    """Return the id of the key that opens a box; raises SecretInvalid for what is none."""
    return _parts(text)[0]


def unseal(text: str, purpose: tuple[str, ...], ring: Ring) -> bytes:
    """Return the value; raises KeyGone, and SecretInvalid for what was sealed for another place."""
    from nacl.bindings import sodium_unpad
    from nacl.exceptions import CryptoError
    from nacl.public import PrivateKey, SealedBox

    key_id, box = _parts(text)
    key = ring.get(key_id)
    try:
        padded = SealedBox(PrivateKey(key.private)).decrypt(box)
        content = msgspec.msgpack.decode(sodium_unpad(padded, len(padded)), type=Content)
    except (CryptoError, ValueError):
        # neither cause nor context: what was half open stands in them
        raise SecretInvalid("sealed: it is damaged", hint="seal the value again") from None
    if content.purpose != purpose:
        raise SecretInvalid(
            f"sealed: it is for {_spoken(content.purpose)}, not for {_spoken(purpose)}",
            hint="seal the value again, for this place",
        )
    return content.value


def _parts(text: str) -> tuple[str, bytes]:
    """Return key id and box; line breaks and spaces are of whoever wrapped the text."""
    if len(text) <= LONGEST:
        mark, _, rest = "".join(text.split()).partition(".")
        key_id, _, encoded = rest.partition(".")
        if mark == MARK and key_id and encoded:
            try:
                return key_id, base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
            except ValueError:
                pass
    raise SecretInvalid(
        "sealed: it is not a sealed text", hint=f"it begins with {MARK}; pushline secrets seal"
    )


def _spoken(purpose: tuple[str, ...]) -> str:
    kind, *where, name = purpose or ("", "", "")
    return f"{name} of {' '.join(where)}" if kind == "sent" else f"the place of {name}"
