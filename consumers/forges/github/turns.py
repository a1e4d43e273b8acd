"""Turns: when the writes of one installation go out, one after the other.

GitHub takes about 80 a minute, and asks for a second between many. A few at once are no flood:
people see how their commit stands without waiting for the others.
"""


class Turns:
    """So many at once, then one each ``gap`` seconds; pauses are saved up to that number."""

    def __init__(self, gap: float, burst: int) -> None:
        """Have none taken yet."""
        self._gap = gap
        self._ahead = gap * max(burst - 1, 0)
        self._due = float("-inf")  # when the next one would go out, were they evenly spread

    def take(self, now: float) -> float:
        """Take the next turn; return the seconds until it comes."""
        wait = max(self._due - self._ahead - now, 0.0)
        self._due = max(self._due, now) + self._gap
        return wait
