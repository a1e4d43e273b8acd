"""What the router counts: plain integers, read by whoever serves metrics."""

from collections import Counter


class Counters:
    """Counted since the start; changed in the loop's thread."""

    __slots__ = (
        "accepted",
        "bytes_out",
        "causes",
        "replayed",
        "requests",
        "statuses",
        "turned_away",
    )

    def __init__(self) -> None:
        """Begin at nothing."""
        self.accepted = 0  # connections taken
        self.turned_away = 0  # connections over the limit
        self.requests = 0
        self.statuses = [0] * 6  # by first digit
        self.bytes_out = 0  # of bodies, to callers
        self.replayed = 0  # requests sent again after a kept connection was closed
        self.causes: Counter[str] = Counter()  # answers of our own
