"""Blobs: large things, stored once under the digest of their bytes."""

import hashlib
import os
import secrets
from pathlib import Path
from typing import Final, Protocol

from bus.blocking import run_blocking
from schemas.errors import BlobDamaged, BlobMissing
from schemas.ids import Digest

CHUNK: Final = 1024 * 1024  # bytes


class Blobs(Protocol):
    """Content-addressed storage; shared between tasks and processes.

    All raise BlobsUnavailable when the store does not answer.
    """

    async def put(self, body: bytes | Path) -> Digest:
        """Store bytes, or a file's, for good; return their digest. Twice is harmless."""
        ...

    async def get(self, digest: Digest) -> bytes:
        """Return the bytes; BlobMissing, or BlobDamaged when they do not have the digest."""
        ...

    async def has(self, digest: Digest) -> bool:
        """Tell whether there is such a blob."""
        ...

    async def fetch(self, digest: Digest, into: Path) -> None:
        """Write the bytes to a file, which appears whole or not at all; raises as ``get``."""
        ...

    async def delete(self, digest: Digest) -> None:
        """Remove a blob that nobody needs any more. Twice is harmless."""
        ...


def hex_of(digest: Digest) -> str:
    """Return a digest's digits; BlobMissing for what is no digest: it may come from outside."""
    algorithm, _, hex = digest.partition(":")
    if algorithm != "sha256" or len(hex) != 64 or not set(hex) <= set("0123456789abcdef"):
        raise BlobMissing(f"not a digest: {digest!r}")
    return hex


class DirectoryBlobs:
    """Blobs as files ``<folder>/<first two hex digits>/<hex>``."""

    def __init__(self, folder: Path) -> None:
        """Keep the blobs in ``folder``."""
        self._folder = folder

    async def put(self, body: bytes | Path) -> Digest:
        """Store the blob; when this returns it survives a power cut."""
        return await run_blocking(self._put, body)

    async def get(self, digest: Digest) -> bytes:
        """Return the bytes, verified."""
        return await run_blocking(self._get, digest)

    async def has(self, digest: Digest) -> bool:
        """Tell whether there is such a file; its bytes are not verified."""
        return await run_blocking(self.path(digest).exists)

    async def fetch(self, digest: Digest, into: Path) -> None:
        """Copy the blob to ``into``, verified, a chunk at a time."""
        await run_blocking(self._fetch, digest, into)

    async def delete(self, digest: Digest) -> None:
        """Remove the file."""
        await run_blocking(self._delete, digest)

    def path(self, digest: Digest) -> Path:
        """Return where a blob lies."""
        hex = hex_of(digest)
        return self._folder / hex[:2] / hex

    def _put(self, body: bytes | Path) -> Digest:
        if isinstance(body, Path):
            return self._put_file(body)
        digest = "sha256:" + hashlib.sha256(body).hexdigest()
        path = self.path(digest)
        try:
            if path.read_bytes() == body:
                return digest
        except FileNotFoundError:
            make_folder(path.parent)
        write_whole(path, body)
        return digest

    def _put_file(self, source: Path) -> Digest:
        """Copy first, then name: the source may change while it is read."""
        make_folder(self._folder)
        part = self._folder / f".{secrets.token_hex(8)}.part"
        try:
            sha = _copy(source, part)
            path = self.path("sha256:" + sha)
            make_folder(path.parent)
            part.replace(path)
            sync_folder(path.parent)
        finally:
            part.unlink(missing_ok=True)
        return "sha256:" + sha

    def _get(self, digest: Digest) -> bytes:
        try:
            body = self.path(digest).read_bytes()
        except FileNotFoundError as error:
            raise BlobMissing(f"no blob {digest}") from error
        if "sha256:" + hashlib.sha256(body).hexdigest() != digest:
            raise BlobDamaged(f"the bytes of {digest} are others")
        return body

    def _fetch(self, digest: Digest, into: Path) -> None:
        part = into.with_name(f".{into.name}.{secrets.token_hex(8)}.part")
        try:
            if "sha256:" + _copy(self.path(digest), part) != digest:
                raise BlobDamaged(f"the bytes of {digest} are others")
            part.replace(into)
        except FileNotFoundError as error:
            if into.parent.is_dir():
                raise BlobMissing(f"no blob {digest}") from error
            raise
        finally:
            part.unlink(missing_ok=True)

    def _delete(self, digest: Digest) -> None:
        path = self.path(digest)
        try:
            path.unlink()
        except FileNotFoundError:
            return
        sync_folder(path.parent)


def _copy(source: Path, target: Path) -> str:
    """Copy and fsync a file; return the sha256 of what was copied."""
    sha = hashlib.sha256()
    with source.open("rb") as reader, target.open("xb") as writer:
        while chunk := reader.read(CHUNK):
            sha.update(chunk)
            writer.write(chunk)
        writer.flush()
        os.fsync(writer.fileno())
    return sha.hexdigest()


def write_whole(path: Path, body: bytes, *, mode: int = 0o666) -> None:
    """Write a file that is there whole or not at all, also after a power cut.

    ``mode`` holds from its first byte on, less the umask.
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    try:
        made = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        with os.fdopen(made, "wb") as writer:
            writer.write(body)
            writer.flush()
            os.fsync(writer.fileno())
        part.replace(path)
        sync_folder(path.parent)
    finally:
        part.unlink(missing_ok=True)


def make_folder(path: Path) -> None:
    """Make a folder whose own entry survives a power cut."""
    if not path.is_dir():
        path.mkdir(parents=True, exist_ok=True)
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames in a folder durable."""
    entry = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(entry)
    finally:
        os.close(entry)
