"""What the API counts. Units stand in the names; ``bus/telemetry`` serves them."""

from typing import Final

from prometheus_client import Counter, Gauge

tails: Final = Gauge("pushline_api_open_tails", "Answers that go on as the log grows")
ended: Final = Counter(
    "pushline_api_ended_tails",
    "Tails that ended: their reader left, was slow, saw the end, or the process stopped",
    ["reason"],
)
