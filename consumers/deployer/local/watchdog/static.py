"""Mode static: files of the bundle, with types and validators. No program runs."""

import asyncio
import contextlib
import hashlib
import mimetypes
import os
import stat
from email.utils import formatdate
from pathlib import Path
from typing import Final
from urllib.parse import unquote_to_bytes

from consumers.deployer.local.watchdog import heads
from consumers.deployer.local.watchdog.front import Front

PIECE: Final = 256 * 1024
INDEX: Final = b"index.html"
_TEXTS: Final = ("application/javascript", "application/json", "application/xml", "image/svg+xml")


class StaticMode:
    """Serves one folder; its files never change."""

    def __init__(self, folder: Path) -> None:
        self.folder = os.fsencode(folder)
        self.loop = asyncio.get_running_loop()
        self.up = False

    def ready(self) -> bool:
        """Tell whether the folder is served."""
        return self.up

    def begin(self, front: Front, request: heads.Request) -> "Sent | None":
        """Send the file that the target names."""
        if request.method not in (b"GET", b"HEAD"):
            front.plain(405, b"only GET and HEAD\n")
            return None
        path = request.target.partition(b"?")[0]
        names = _names(path)
        opened = None if names is None else _open(self.folder, names)
        if opened is None:
            front.plain(404, b"not found\n")
            return None
        file, name = opened
        if name == INDEX and names and names[-1] != INDEX and not path.endswith(b"/"):
            os.close(file)  # relative links in the page need the slash
            last = b"./" + names[-1] + b"/"
            _brief(front, b"301 Moved Permanently", [(b"Location", last)])
            return None
        return self._send(front, request, file, name)

    def _send(self, front: Front, request: heads.Request, file: int, name: bytes) -> "Sent | None":
        found = os.fstat(file)
        # The bundle is content-addressed and its times are all the same: size and path tell.
        tag = hashlib.sha256(b"%s %d %d" % (self.folder, found.st_ino, found.st_size)).hexdigest()
        fields = [
            (b"Content-Type", _type(name)),
            (b"ETag", b'"%s"' % tag[:32].encode()),
            (b"Last-Modified", formatdate(found.st_mtime, usegmt=True).encode()),
        ]
        if _fresh(request, fields[1][1], found.st_mtime):
            os.close(file)
            _brief(front, b"304 Not Modified", fields[1:])
            return None
        fields.append((b"Content-Length", b"%d" % found.st_size))
        head = front.head(b"HTTP/1.1 200 OK", fields)
        if request.method == b"HEAD" or found.st_size <= PIECE:
            body = b"" if request.method == b"HEAD" else os.read(file, found.st_size)
            os.close(file)
            front.write(head + body)
            front.done()
            return None
        front.write(head)
        return Sent(front, file, found.st_size)


class Sent:
    """One large file on its way."""

    def __init__(self, front: Front, file: int, size: int) -> None:
        self.front = front
        self.open = asyncio.Event()
        self.open.set()
        self.task = front.loop.create_task(self._run(file, size))

    async def _run(self, file: int, size: int) -> None:
        try:
            while size and (piece := os.read(file, min(size, PIECE))):
                size -= len(piece)
                self.front.write(piece)
                await asyncio.sleep(0)  # others have their turn between two pieces
                await self.open.wait()
            self.front.done()
        finally:
            os.close(file)

    def body(self, data: bytes) -> None:
        """Ignore a body: it means nothing here."""

    def body_ended(self) -> None:
        """Nothing waits for it."""

    def cancel(self) -> None:
        """Stop sending."""
        self.task.cancel()

    def pause(self) -> None:
        """Wait for the caller."""
        self.open.clear()

    def resume(self) -> None:
        """Go on."""
        self.open.set()


def _names(path: bytes) -> list[bytes] | None:
    """Return the names of a decoded path, None for one that leaves the folder."""
    names = [name for name in unquote_to_bytes(path).split(b"/") if name not in (b"", b".")]
    if any(name == b".." or b"\0" in name for name in names):
        return None
    return names


def _open(folder: bytes, names: list[bytes]) -> tuple[int, bytes] | None:
    """Open a file name by name, so that no link leads out; a folder means its index.html."""
    place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for depth, name in enumerate((*names, INDEX), start=1):
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
            inner = os.open(name, flags, dir_fd=place)
            os.close(place)
            place = inner
            if stat.S_ISREG(os.fstat(place).st_mode):
                if depth < len(names):
                    break  # a file where the path goes on
                return os.dup(place), name
    except OSError:
        return None
    finally:
        os.close(place)
    return None


def _type(name: bytes) -> bytes:
    found, _ = mimetypes.guess_type(os.fsdecode(name))
    kind = found or "application/octet-stream"
    if kind.startswith("text/") or kind in _TEXTS:
        kind += "; charset=utf-8"
    return kind.encode()


def _fresh(request: heads.Request, tag: bytes, changed: float) -> bool:
    """Tell whether the caller has it already."""
    if (known := request.field(b"if-none-match")) is not None:
        return known.strip() == b"*" or tag in [one.strip() for one in known.split(b",")]
    since = request.field(b"if-modified-since")
    return since is not None and since == formatdate(changed, usegmt=True).encode()


def _brief(front: Front, status: bytes, fields: list[tuple[bytes, bytes]]) -> None:
    """Answer without a body."""
    with_length = fields if status.startswith(b"304") else [*fields, (b"Content-Length", b"0")]
    with contextlib.suppress(ConnectionError):
        front.write(front.head(b"HTTP/1.1 " + status, with_length))
        front.done()
