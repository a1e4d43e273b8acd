"""The end of what a build wrote, for whoever looks at its check."""

from collections import deque
from contextlib import aclosing
from typing import Final

from bus.lines import Lines
from consumers.status.standing import Standing
from schemas.subjects import build_log

LIMIT: Final = 128 * 1024  # bytes; a forge shows half of it at most


class BuildTails:
    """Reads LOGS, as long as it has the lines; safe to share between tasks."""

    def __init__(self, lines: Lines) -> None:
        """Read ``lines``."""
        self._lines = lines

    async def tail(self, at: Standing, function: str) -> str:
        """Return the last lines of a function's build, "" where there are none."""
        kept, size = deque[str](), 0
        subject = build_log(at.forge, at.project, at.run, function)
        async with aclosing(self._lines.read(subject)) as lines:
            async for line in lines:
                kept.append(line.text)
                size += len(line.text.encode()) + 1
                while size > LIMIT:
                    size -= len(kept.popleft().encode()) + 1
        return "".join(f"{text}\n" for text in kept)
