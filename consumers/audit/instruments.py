"""What audit counts. Units stand in the names; ``bus/telemetry`` serves them."""

from typing import Final

from prometheus_client import Counter, Gauge

recorded: Final = Gauge("pushline_audit_recorded_sequence", "The last event in the audit record")
anchored: Final = Gauge(
    "pushline_audit_anchored_sequence", "The last record whose hash stands in the log"
)
sent: Final = Gauge(
    "pushline_audit_sink_sequence", "The last record that an audit sink has taken", ["sink"]
)
waiting: Final = Gauge(
    "pushline_audit_sink_pending_records", "Records that an audit sink has yet to see", ["sink"]
)
refused: Final = Counter(
    "pushline_audit_sink_failures", "Deliveries that an audit sink did not take", ["sink"]
)
