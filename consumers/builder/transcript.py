"""A build's progress as lines, in the manner of ``docker build --progress plain``."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from consumers.builder.buildkit import Log, Progress, Vertex, Warning  # noqa: A004
from consumers.builder.images import Say

LINE: Final = 64 * 1024  # characters of a line that is waited for
HIDDEN: Final = "***"
SHORTEST: Final = 4  # characters of a secret's line that is looked for; shorter hides too much


@dataclass(slots=True)
class Transcript:
    """Says a build's steps by number: what begins, what it prints, how it ends."""

    say: Say
    numbers: dict[str, int] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    partial: dict[tuple[str, int], str] = field(default_factory=dict)  # lines still without an end

    def take(self, progress: Progress) -> None:
        """Say what is new in it."""
        match progress:
            case Vertex():
                self._vertex(progress)
            case Log(vertex, stream, text):
                self._log(vertex, stream, text)
            case Warning(short=short):
                self.say(f"warning: {short}")
            case _:  # bytes on their way: too many, and told by the step's end
                pass

    def close(self) -> None:
        """Say the lines that have no end."""
        for vertex, stream in list(self.partial):
            self._flush(vertex, stream)

    def _vertex(self, vertex: Vertex) -> None:
        if vertex.started and vertex.digest not in self.numbers:
            number = self.numbers[vertex.digest] = len(self.numbers) + 1
            self.say(f"#{number} {vertex.name}")
        if vertex.digest not in self.numbers or vertex.digest in self.ended:
            return
        if vertex.completed or vertex.error or vertex.cached:
            for stream in (1, 2):
                self._flush(vertex.digest, stream)
            self.ended.add(vertex.digest)
            self.say(f"#{self.numbers[vertex.digest]} {_ending(vertex)}")

    def _log(self, vertex: str, stream: int, text: str) -> None:
        *lines, rest = (self.partial.pop((vertex, stream), "") + text).split("\n")
        if len(rest) > LINE:
            lines.append(rest)
            rest = ""
        for line in lines:
            self._line(vertex, line)
        if rest:
            self.partial[vertex, stream] = rest

    def _flush(self, vertex: str, stream: int) -> None:
        if rest := self.partial.pop((vertex, stream), ""):
            self._line(vertex, rest)

    def _line(self, vertex: str, line: str) -> None:
        # What stands before a carriage return was overwritten where somebody watched.
        shown = line.rstrip("\r").rpartition("\r")[2]
        self.say(f"#{self.numbers.get(vertex, 0)} {shown}")


class Cover:
    """Puts ``***`` where a secret would stand: builds print what they get."""

    def __init__(self, secrets: Iterable[bytes | str]) -> None:
        """Look for every line of every secret, the longest first."""
        lines: set[str] = set()
        for secret in secrets:
            text = secret if isinstance(secret, str) else secret.decode("utf-8", "replace")
            lines.update(line.strip() for line in text.splitlines())
        fit = [line for line in lines if len(line) >= SHORTEST]
        self._words = sorted(fit, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """Return the text without them."""
        for word in self._words:
            text = text.replace(word, HIDDEN)
        return text


def _ending(vertex: Vertex) -> str:
    if vertex.error:
        return f"ERROR {vertex.error}"
    if vertex.cached:
        return "CACHED"
    if vertex.started and vertex.completed:
        return f"DONE {(vertex.completed - vertex.started).total_seconds():.1f}s"
    return "DONE"
