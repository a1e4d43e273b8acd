"""A build's progress as it comes: told on, and remembered as far as an error will need it."""

import codecs
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

from consumers.builder.buildkit.progress import Log, Progress, Status, Vertex, Warning  # noqa: A004
from consumers.builder.pb import control_pb2 as pb

TAIL: Final = 20  # lines of a step that are kept
LINE: Final = 4096  # characters of one of them

_Decoder = codecs.getincrementaldecoder("utf-8")


class Tail:
    """The last lines of one step."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._decoders = {stream: _Decoder("replace") for stream in (1, 2)}
        self._lines: deque[str] = deque(maxlen=TAIL)
        self._part = ""

    def add(self, stream: int, data: bytes) -> str:
        """Return the text; what a letter lacks comes with the next piece."""
        text: str = self._decoders.get(stream, self._decoders[1]).decode(data)
        *lines, self._part = (self._part + text).split("\n")
        self._lines += (line.rstrip("\r")[:LINE] for line in lines)
        self._part = self._part[:LINE]
        return text

    def lines(self) -> tuple[str, ...]:
        """Return them."""
        kept = [*self._lines, self._part] if self._part else [*self._lines]
        return tuple(kept[-TAIL:])


class Watch:
    """Hands progress on."""

    def __init__(self, on_progress: Callable[[Progress], None]) -> None:
        """Take who is told."""
        self._on_progress = on_progress
        self._tails: dict[str, Tail] = {}
        self.begun = False
        self.failed: dict[str, Vertex] = {}  # steps with an error, by digest

    def take(self, response: pb.StatusResponse) -> None:
        """Tell all that one message says, in the order of its kinds."""
        self.begun = True
        for progress in self._progress(response):
            self._on_progress(progress)

    def tail(self, vertex: str) -> tuple[str, ...]:
        """Return a step's last lines."""
        return self._tails[vertex].lines() if vertex in self._tails else ()

    def _progress(self, response: pb.StatusResponse) -> Iterator[Progress]:
        for step in response.vertexes:
            vertex = _vertex(step)
            if vertex.error:
                self.failed[vertex.digest] = vertex
            yield vertex
        for status in response.statuses:
            yield Status(
                status.vertex, status.ID, status.current, status.total, _time(status, "completed")
            )
        for piece in response.logs:
            tail = self._tails.setdefault(piece.vertex, Tail())
            if text := tail.add(piece.stream, piece.msg):
                yield Log(piece.vertex, piece.stream, text)
        for warning in response.warnings:
            yield _warning(warning)


def _vertex(step: pb.Vertex) -> Vertex:
    return Vertex(
        step.digest,
        step.name,
        tuple(step.inputs),
        started=_time(step, "started"),
        completed=_time(step, "completed"),
        cached=step.cached,
        error=step.error,
    )


def _warning(warning: pb.VertexWarning) -> Warning:
    return Warning(
        warning.vertex,
        warning.level,
        warning.short.decode(errors="replace"),
        tuple(line.decode(errors="replace") for line in warning.detail),
        warning.url,
        warning.info.filename,
        warning.ranges[0].start.line if warning.ranges else 0,
    )


def _time(message: pb.Vertex | pb.VertexStatus, name: str) -> datetime | None:
    if not message.HasField(name):
        return None
    stamp: Timestamp = getattr(message, name)
    return stamp.ToDatetime(tzinfo=UTC)
