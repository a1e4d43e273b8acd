"""The window: events ahead of the moment that a replay stands at, by what caused them.

What a consumer has recorded because of an event lies after it: a replay reads ahead, and has to
know it before it lets the consumer decide. What lies further ahead than the window is not seen.
"""

from collections import deque
from collections.abc import AsyncGenerator, Iterator, Sequence
from typing import Final

from edge.cli.replay import positions
from edge.cli.replay.decisions import NOT_COMPARED
from schemas import subjects
from schemas.envelope import Aggregate, Recorded
from schemas.events import Event

SIZE: Final = 20_000  # events, some 20 MB


class Window:
    """Reads ahead; used by one replay."""

    def __init__(
        self, batches: AsyncGenerator[list[Recorded[Event]], None], size: int = SIZE
    ) -> None:
        """Hold ``size`` events of ``batches``."""
        self._batches = batches
        self._size = size
        self._ahead: deque[Recorded[Event]] = deque()
        self._ids: dict[str, Recorded[Event]] = {}
        self._causes: dict[str, list[Recorded[Event]]] = {}
        self._ended = False

    async def peek(self) -> Recorded[Event] | None:
        """Return the next event, None when there is none."""
        while len(self._ahead) < self._size and not self._ended:
            batch = await anext(self._batches, None)
            self._ended = batch is None
            for event in batch or ():
                self._add(event)
        return self._ahead[0] if self._ahead else None

    def take(self) -> Recorded[Event]:
        """Return the next event, which is no longer ahead."""
        event = self._ahead.popleft()
        self._ids.pop(event.id, None)
        if event.cause and (caused := self._causes.get(event.cause)):
            caused.remove(event)
            if not caused:
                del self._causes[event.cause]
        return event

    def written(self, consumer: str, cause: str) -> tuple[Recorded[Event], ...]:
        """Return what lies ahead and was recorded by ``consumer`` because of ``cause``."""
        prefix = f"{consumer}:{cause}:"
        return tuple(
            event
            for event in self._causes.get(cause, ())
            if event.id.startswith(prefix) and not isinstance(event.fact, NOT_COMPARED)
        )

    def find(self, id: str) -> Recorded[Event] | None:
        """Return the event ahead that has this id."""
        return self._ids.get(id)

    def later(self, of: Aggregate) -> Iterator[Recorded[Event]]:
        """Return the events ahead about ``of``, in order."""
        return (event for event in self._ahead if event.of == of)

    def moved(self, filters: Sequence[str], until: int) -> int:
        """Return the last sequence ahead, up to ``until``, under any of these; 0 for none."""
        found = 0
        for event in self._ahead if filters else ():
            if event.seq > until:
                break
            subject = positions.prefix(event.of) + positions.fact(event.fact)
            if any(subjects.contains(filter, subject) for filter in filters):
                found = event.seq
        return found

    async def close(self) -> None:
        """Read no more."""
        await self._batches.aclose()

    def _add(self, event: Recorded[Event]) -> None:
        self._ahead.append(event)
        self._ids[event.id] = event
        if event.cause:
            self._causes.setdefault(event.cause, []).append(event)
