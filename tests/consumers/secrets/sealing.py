"""What faas-cli does to secrets of a build, by its published format."""

import base64

from nacl.public import Box, PrivateKey, PublicKey


def encoded(body: bytes) -> str:
    """Return base64 as Go's standard encoding writes it."""
    return base64.b64encode(body).decode()


def sealed_for(public: bytes, **values: bytes) -> bytes:
    """Return ``com.openfaas.secrets``: a key of its own, a nonce for each value."""
    own = PrivateKey.generate()
    box = Box(own, PublicKey(public))
    lines = [
        "version: v1",
        "algorithm: nacl/box",
        f"key_id: {encoded(public)[:8]}",
        f"public_key: {encoded(bytes(own.public_key))}",
        "secrets:",
        *(f"    {name}: {encoded(bytes(box.encrypt(value)))}" for name, value in values.items()),
    ]
    return "\n".join(lines).encode()
