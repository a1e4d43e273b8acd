"""What recovery counts. Units stand in the names; ``bus/telemetry`` serves them."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

recovered: Final = Counter(
    "pushline_recovered_deliveries",
    "Deliveries that a forge never brought, and that were found by asking it",
    ["forge", "kind"],
)
lateness: Final = Histogram(
    "pushline_recovered_delay_seconds",
    "From when the forge sent a delivery that did not arrive to when it was found",
    ["forge"],
    buckets=(60, 300, 900, 3600, 6 * 3600, 24 * 3600, 72 * 3600),
)
compared: Final = Gauge(
    "pushline_forge_compared_timestamp_seconds", "When a forge was compared with the log", ["forge"]
)
silent: Final = Gauge(
    "pushline_forge_silent_projects",
    "Projects and accounts that gave no answer when they were last compared",
    ["forge"],
)
