"""FileSync: a context on its way to the daemon.

Reading goes ahead in a thread, a batch at a time; sending waits until the daemon takes more. So a
context of any size needs the room of a few batches.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Final
from urllib.parse import unquote_plus

from consumers.builder.buildkit.contexts import Tree
from consumers.builder.buildkit.entries import Entry
from consumers.builder.buildkit.errors import ContextInvalid
from consumers.builder.buildkit.http2.errors import Abort, Code, StreamReset
from consumers.builder.buildkit.http2.stream import Stream, framed
from consumers.builder.buildkit.selection import Wanted, select
from consumers.builder.pb.wire_pb2 import Packet

PIECE: Final = 128 * 1024  # bytes of a file in one packet; the daemon's limit is 4 MiB at least
BATCH: Final = 512 * 1024  # bytes that are read and sent at a time

Failed = Callable[[Exception], None]


def options(stream: Stream, name: str) -> list[str]:
    """Return what the daemon said under a name; url-quoted where it says so."""
    values = stream.values(name)
    if stream.values(f"{name}-encoded") == [b"1"]:
        return [unquote_plus(value.decode("latin-1"), errors="surrogateescape") for value in values]
    return [value.decode(errors="surrogateescape") for value in values]


async def send_folder(stream: Stream, trees: Mapping[str, Tree], failed: Failed) -> None:
    """Answer FileSync.DiffCopy; ``failed`` hears why a context cannot be sent."""
    name = next(iter(options(stream, "dir-name")), "")
    tree = trees.get(name)
    if tree is None:
        raise Abort(Code.NOT_FOUND, f"no context is named {name!r}")
    wanted = Wanted(
        include=options(stream, "include-patterns"),
        exclude=options(stream, "exclude-patterns"),
        follow=options(stream, "followpaths"),
    )
    await _Sending(stream, tree, wanted, failed).run()


class _Sending:
    """One folder on its way."""

    def __init__(self, stream: Stream, tree: Tree, wanted: Wanted, failed: Failed) -> None:
        self.stream = stream
        self.tree = tree
        self.failed = failed
        self.entries = _numbered(tree, wanted)
        self.files: dict[int, str] = {}  # that may be asked for
        self.asked: deque[tuple[int, str]] = deque()
        self.wake = asyncio.Event()
        self.contents = self._contents()

    async def run(self) -> None:
        """Send until the daemon has enough."""
        tasks = [asyncio.create_task(self._guarded(one)) for one in (self._list, self._answer)]
        try:
            await self._listen()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _guarded(self, part: Callable[[], Awaitable[None]]) -> None:
        """Tell the daemon, and the caller of solve, why there will be no more."""
        try:
            await part()
        except StreamReset:
            raise  # nobody is there to be told
        except Exception as error:  # noqa: BLE001 - a user's context; the daemon must not wait
            self.failed(error)
            said = error.message if isinstance(error, ContextInvalid) else type(error).__name__
            packet = Packet(type=Packet.PACKET_ERR, data=said.encode(errors="replace"))
            await self.stream.write(framed(packet.SerializeToString()))

    async def _listen(self) -> None:
        while messages := await self.stream.read_all():
            for message in messages:
                packet = Packet.FromString(message)
                if packet.type == Packet.PACKET_REQ:
                    path = self.files.pop(packet.ID, None)
                    if path is None:
                        raise Abort(Code.INVALID_ARGUMENT, f"nothing to send as {packet.ID}")
                    self.asked.append((packet.ID, path))
                elif packet.type == Packet.PACKET_FIN:
                    end = Packet(type=Packet.PACKET_FIN)
                    await self.stream.write(framed(end.SerializeToString()))
                    return
                elif packet.type == Packet.PACKET_ERR:
                    return  # the daemon says it again, as the error of the build
            self.wake.set()

    async def _list(self) -> None:
        """Send what there is."""
        while batch := await asyncio.to_thread(self._stats):
            await self.stream.write(batch)

    def _stats(self) -> bytes:
        out: list[bytes] = []
        size = 0
        for number, entry in self.entries:
            if entry is None:
                out.append(framed(Packet(type=Packet.PACKET_STAT).SerializeToString()))
                continue
            if entry.is_file:
                self.files[number] = entry.path
            packet = Packet(type=Packet.PACKET_STAT, stat=entry.wire())
            out.append(framed(packet.SerializeToString()))
            size += len(out[-1])
            if size > BATCH // 8:  # the daemon begins to ask after the first of them
                break
        return b"".join(out)

    async def _answer(self) -> None:
        """Send the files that were asked for, reading one batch ahead."""
        while True:
            await self.wake.wait()
            self.wake.clear()
            batch = await asyncio.to_thread(self._batch)
            while batch:
                _, batch = await asyncio.gather(
                    self.stream.write(batch), asyncio.to_thread(self._batch)
                )

    def _batch(self) -> bytes:
        out: list[bytes] = []
        size = 0
        while size < BATCH and (message := next(self.contents, b"")):
            out.append(message)
            size += len(message)
        return b"".join(out)

    def _contents(self) -> Iterator[bytes]:
        """Yield packets without end, and nothing where nothing is asked for now."""
        while True:
            if not self.asked:
                yield b""
                continue
            number, path = self.asked.popleft()
            for piece in self.tree.pieces(path, PIECE):
                packet = Packet(type=Packet.PACKET_DATA, ID=number, data=piece)
                yield framed(packet.SerializeToString())
            yield framed(Packet(type=Packet.PACKET_DATA, ID=number).SerializeToString())


def _numbered(tree: Tree, wanted: Wanted) -> Iterator[tuple[int, Entry | None]]:
    """Yield every entry with its number, then None once."""
    number = -1
    for number, entry in enumerate(select(tree, wanted)):
        yield number, entry
    yield number + 1, None
