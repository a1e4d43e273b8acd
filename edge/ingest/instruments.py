"""What ingest counts; ``bus/telemetry`` serves it."""

from typing import Final

from prometheus_client import Counter

stored: Final = Counter(
    "pushline_ingest_stored_deliveries", "Deliveries answered 202, resends among them", ["forge"]
)
