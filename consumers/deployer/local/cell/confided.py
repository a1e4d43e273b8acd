"""Secrets on their way into a cell: by a descriptor of memory, never by a path or an argument.

Behind walls with a root of its own a function finds them in /var/openfaas/secrets, which is in
memory, and in /run/secrets. Where it sees the machine's files they are in its own folder.
"""

import base64
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

PLACE: Final = "/var/openfaas/secrets"  # as at a gateway
ALSO: Final = "/run/secrets"  # as containers have it
PAGE: Final = 4096  # bytes, in which a tmpfs counts


def place_of(walls: str, folder: str) -> str:
    """Return where a function finds its secrets; ``folder`` is its own."""
    return PLACE if walls in ("root", "user") else f"{folder}/secrets"


def written(secrets: Mapping[str, bytes]) -> int:
    """Return a descriptor of memory that holds them, to be closed by whoever asked."""
    body = {name: base64.b64encode(value).decode() for name, value in secrets.items()}
    memory = os.memfd_create("secrets")
    with os.fdopen(os.dup(memory), "wb") as file:
        file.write(json.dumps(body).encode())
    os.lseek(memory, 0, os.SEEK_SET)
    return memory


def read(memory: int) -> dict[str, bytes]:
    """Return what the descriptor holds, and close it."""
    with os.fdopen(memory, "rb") as file:
        return {name: base64.b64decode(text) for name, text in json.load(file).items()}


def room(secrets: Mapping[str, bytes]) -> int:
    """Return the bytes that they take in a tmpfs."""
    return sum((len(value) // PAGE + 1) * PAGE for value in secrets.values())


def lay(secrets: Mapping[str, bytes], folder: Path, uid: int, gid: int) -> None:
    """Write each to a file that its function may read, and nobody else."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in secrets.items():
        file = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
        try:
            os.fchown(file, uid, gid)
            os.write(file, value)
        finally:
            os.close(file)
