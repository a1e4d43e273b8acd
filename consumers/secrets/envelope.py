"""Secrets of one build as faas-cli seals them: ``com.openfaas.secrets``, a YAML file in its tar.

The names are readable; each value is base64 of a nonce and a box from the file's own key to ours.
"""

import base64
from typing import Final

from consumers.secrets.keys import Key, Ring
from schemas.secrets import SecretInvalid
from schemas.stack_yaml import Node, Scalar, Table, YamlInvalid, read

FILE: Final = "com.openfaas.secrets"
VERSION: Final = "v1"
ALGORITHM: Final = "nacl/box"


def unseal(body: bytes, ring: Ring) -> dict[str, bytes]:
    """Return values by name; raises SecretInvalid, which names the field and quotes nothing.

    Any key of the ring may open it: which one it was sealed for is told by a hint at most.
    """
    try:
        root = read(body)
    except YamlInvalid as error:
        raise SecretInvalid(f"{FILE}: it is not YAML that we read") from error
    if _text(root, "version") != VERSION or _text(root, "algorithm") != ALGORITHM:
        raise SecretInvalid(f"{FILE}: version {VERSION} and algorithm {ALGORITHM} are read here")
    sender = _bytes(_text(root, "public_key"), "public_key")
    if len(sender) != 32:
        raise SecretInvalid(f"{FILE}: public_key: it is not 32 bytes")
    boxes = {name: _bytes(text, f"secrets.{name}") for name, text in _secrets(root).items()}
    for key in reversed(ring.keys):
        if (opened := _open(boxes, sender, key)) is not None:
            return opened
    raise SecretInvalid(
        f"{FILE}: no key of ours opens it, or it is damaged",
        hint="seal again with what /publickey answers now",
    )


def _open(boxes: dict[str, bytes], sender: bytes, key: Key) -> dict[str, bytes] | None:
    from nacl.exceptions import CryptoError
    from nacl.public import Box, PrivateKey, PublicKey

    try:
        box = Box(PrivateKey(key.private), PublicKey(sender))
        return {name: box.decrypt(body) for name, body in boxes.items()}
    except (CryptoError, ValueError):
        return None


def _field(root: Node, name: str) -> Node | None:
    row = root.rows.get(name) if isinstance(root, Table) else None
    return row.value if row else None


def _text(root: Node, name: str) -> str:
    found = _field(root, name)
    return found.text if isinstance(found, Scalar) else ""


def _secrets(root: Node) -> dict[str, str]:
    table = _field(root, "secrets")
    if not isinstance(table, Table) or not table.rows:
        raise SecretInvalid(f"{FILE}: secrets: there are none")
    return {name: _text(table, name) for name in table.rows}


def _bytes(text: str, field: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except ValueError:
        raise SecretInvalid(f"{FILE}: {field}: it is not base64") from None
