"""FileSend: where what a build exports to us goes."""

import asyncio
import contextlib
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from consumers.builder.buildkit.errors import OutputRefused
from consumers.builder.buildkit.http2.errors import Abort, Code
from consumers.builder.buildkit.http2.stream import Stream, framed
from consumers.builder.buildkit.landing import Landing
from consumers.builder.pb.filesync_pb2 import BytesMessage
from consumers.builder.pb.wire_pb2 import Packet


class Receiver(Protocol):
    """Takes what one exporter sends."""

    async def receive(self, stream: Stream) -> None:
        """Read the stream to its end; raise OutputRefused."""
        ...


@dataclass(frozen=True, slots=True)
class ToFile:
    """A file for the exporters ``tar``, ``oci`` and ``docker``; it appears once it is whole."""

    path: str | os.PathLike[str]
    most: int | None = None  # bytes

    async def receive(self, stream: Stream) -> None:
        """Write to a file beside it, then rename."""
        target = Path(self.path)
        part = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
        file = await asyncio.to_thread(part.open, "xb")
        try:
            with file:
                await self._copy(stream, file)
            await asyncio.to_thread(part.replace, target)
        finally:
            with contextlib.suppress(FileNotFoundError):
                part.unlink()

    async def _copy(self, stream: Stream, file: BinaryIO) -> None:
        size = 0
        while messages := await stream.read_all():
            data = b"".join(BytesMessage.FromString(message).data for message in messages)
            size += len(data)
            if self.most is not None and size > self.most:
                raise OutputRefused(f"the output is larger than {self.most} bytes")
            await asyncio.to_thread(file.write, data)


@dataclass(frozen=True, slots=True)
class ToFolder:
    """A folder for the exporter ``local``; what is there already stays, unless it is replaced."""

    path: str | os.PathLike[str]
    most: int | None = None  # bytes

    async def receive(self, stream: Stream) -> None:
        """Write each entry as it comes; nothing outside of the folder is ever touched."""
        landing = await asyncio.to_thread(Landing, Path(self.path), self.most)
        try:
            while messages := await stream.read_all():
                answers = await asyncio.to_thread(landing.take, messages)
                if answers:
                    await stream.write(answers)
                if landing.done:
                    return
            raise OutputRefused("the daemon stopped in the middle of its output")
        except OutputRefused as error:
            packet = Packet(type=Packet.PACKET_ERR, data=error.message.encode(errors="replace"))
            await stream.write(framed(packet.SerializeToString()))
            raise
        finally:
            await asyncio.to_thread(landing.close)


async def take_output(stream: Stream, receivers: Sequence[Receiver]) -> None:
    """Answer FileSend.DiffCopy: an exporter's output goes to the receiver of its number."""
    said = stream.values("buildkit-attachable-exporter-id")
    number = int(said[0]) if said and said[0].isdigit() else 0
    if number >= len(receivers):
        raise Abort(Code.NOT_FOUND, f"the session has no receiver for export {number}")
    try:
        await receivers[number].receive(stream)
    except OSError as error:
        raise OutputRefused(f"the output cannot be written: {error}") from error
