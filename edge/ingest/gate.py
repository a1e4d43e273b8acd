"""The gate: how many deliveries are received at once, and how much memory they hold."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

PLACES: Final = 256  # requests at once
MEMORY: Final = 128 * 1024 * 1024  # bytes of all bodies that are being received or stored


class Refusal(Exception):
    """The request ends with this status; the text is for the sender."""

    def __init__(self, status: int, text: str) -> None:
        """Say why, and nothing that helps to guess a secret."""
        super().__init__(text)
        self.status = status
        self.text = text


class Gate:
    """Bounds what all requests together hold in memory."""

    def __init__(self, *, places: int = PLACES, memory: int = MEMORY) -> None:
        """Let in ``places`` requests that hold ``memory`` bytes together."""
        self._places = places
        self._memory = memory

    @contextmanager
    def entered(self) -> Iterator["Share"]:
        """Hold a place; 503 when there is none."""
        if self.full:
            raise Refusal(503, "too many deliveries at once; try again")
        self._places -= 1
        share = Share(self)
        try:
            yield share
        finally:
            self._places += 1
            self._memory += share.held

    @property
    def full(self) -> bool:
        """Tell whether nobody else is let in now."""
        return self._places <= 0

    def take(self, size: int) -> None:
        """Take memory; 503 when there is not so much."""
        if size > self._memory:
            raise Refusal(503, "too much is being delivered at once; try again")
        self._memory -= size


class Share:
    """What one request holds of the gate's memory."""

    def __init__(self, gate: Gate) -> None:
        """Hold nothing yet."""
        self._gate = gate
        self.held = 0

    def take(self, size: int) -> None:
        """Hold more; 503 when there is not so much."""
        self._gate.take(size)
        self.held += size
