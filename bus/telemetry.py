"""What the process counts, as Prometheus reads it."""

from typing import Final

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    disable_created_metrics,
    generate_latest,
)

disable_created_metrics()  # type: ignore[no-untyped-call] # a series beside each counter, unread

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST


def exposition() -> bytes:
    """Return all metrics of this process, the body of ``/metrics``."""
    return generate_latest(REGISTRY)
