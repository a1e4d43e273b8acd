"""Messages that rest here because something is away that their runs wait for, up to a day.

Given back to the server, each attempt would use up one of the deliveries that bound a worker
that dies in each; so they stay here, kept alive there. They hold no place: others go on.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from bus import instruments
from bus.natspy import Msg

LONGEST: Final = 20.0  # seconds between two attempts: what comes back is noticed within these


class Resting:
    """The resting messages of one worker, by sequence."""

    def __init__(self, consumer: str, wake: Callable[[], None]) -> None:
        """Call ``wake`` when a message is to be tried again."""
        self.messages: dict[int, Msg] = {}
        self.ended = False
        self._rests: dict[int, int] = {}  # how often in a row, by sequence
        self._ready: dict[int, None] = {}  # in the order of their wakening
        self._timers: dict[int, asyncio.TimerHandle] = {}
        self._gauge = instruments.resting.labels(consumer)
        self._wake = wake

    def times(self, message: Msg) -> int:
        """Return how often in a row it has rested."""
        return self._rests.get(message.metadata.sequence.stream, 0)

    def rest(self, message: Msg, backoff: tuple[float, ...]) -> float:
        """Keep a message until it is to be tried again; return the seconds until then."""
        seq = message.metadata.sequence.stream
        self.drop(seq)
        times = self._rests.get(seq, 0)
        self._rests[seq] = times + 1
        delay = min(backoff[min(times, len(backoff) - 1)], LONGEST)
        loop = asyncio.get_running_loop()
        self._timers[seq] = loop.call_later(delay, self._wakened, seq)
        self.messages[seq] = message
        self._gauge.set(len(self.messages))
        return delay

    def _wakened(self, seq: int) -> None:
        del self._timers[seq]
        self._ready[seq] = None
        self._wake()

    @property
    def ready(self) -> int:
        """Return how many are to be tried again now."""
        return len(self._ready)

    def take(self) -> Msg:
        """Return the first of those to be tried again; it rests no more."""
        seq = next(iter(self._ready))
        message = self.messages[seq]
        self.drop(seq)
        return message

    def drop(self, seq: int) -> None:
        """Forget the message: it is handled, or the server has delivered it anew."""
        if (timer := self._timers.pop(seq, None)) is not None:
            timer.cancel()
        self._ready.pop(seq, None)
        self.messages.pop(seq, None)
        self._gauge.set(len(self.messages))

    def over(self, seq: int) -> None:
        """Count anew: what the message waited for is there, or it is given up."""
        self._rests.pop(seq, None)

    def end(self) -> list[Msg]:
        """Return all messages; none may rest any more."""
        self.ended = True
        left = list(self.messages.values())
        for seq in list(self.messages):
            self.drop(seq)
        return left
