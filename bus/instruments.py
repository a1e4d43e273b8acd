"""What the bus counts. Units stand in the names; ``bus/telemetry`` serves them."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

appended: Final = Counter("pushline_log_appended_facts", "Facts that the log acknowledged")
append_seconds: Final = Histogram(
    "pushline_log_append_seconds",
    "From sending a fact to its acknowledgement: the server's fsync is within",
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5),
)
conflicts: Final = Counter("pushline_log_conflicts", "Appends refused by their guard")
reconnected: Final = Counter("pushline_log_reconnects", "Connections to the log made anew")
followed: Final = Counter("pushline_follow_events", "Events read in order")
folded: Final = Gauge("pushline_fold_sequence", "The sequence a fold is true at", ["fold"])
behind: Final = Gauge("pushline_worker_pending_messages", "Not yet fetched", ["consumer"])
waiting: Final = Gauge(
    "pushline_worker_waiting_messages", "Fetched, and without a place", ["consumer"]
)
handled: Final = Counter("pushline_worker_handled", "Messages acknowledged", ["consumer"])
retried: Final = Counter("pushline_worker_retried", "Messages given back for later", ["consumer"])
buried: Final = Counter("pushline_worker_dead_letters", "Messages given up", ["consumer", "code"])
cut: Final = Counter("pushline_lines_cut_bytes", "Lines beyond what their tenant may keep a day")
resting: Final = Gauge(
    "pushline_worker_resting_messages", "Waiting for something that is away", ["consumer"]
)
unknown: Final = Counter("pushline_worker_unknown", "Tags of a newer release", ["consumer"])
blob_seconds: Final = Histogram(
    "pushline_blob_seconds", "One operation at the S3 store, with its repetitions", ["operation"]
)
forwarded: Final = Counter("pushline_spool_forwarded", "Bodies that waited for the S3 store")
blob_failures: Final = Counter(
    "pushline_blob_failures", "Operations that the S3 store did not do", ["operation", "code"]
)
seconds: Final = Histogram(
    "pushline_worker_seconds", "From the start of a handler to its end", ["consumer"]
)
