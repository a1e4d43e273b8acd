"""What metrics tells of the log, its server and the runs; ``bus/telemetry`` serves it.

Labels are words of ours: a step, an outcome, an error's code, a consumer, a stream. Names of
functions are labels of two counters alone, and of so many functions that ``calls`` says.
"""

from typing import Final, NamedTuple

from prometheus_client import Gauge


class Family(NamedTuple):
    """A metric whose samples are made when somebody asks, of what was folded."""

    name: str
    help: str
    labels: tuple[str, ...] = ()


RUNS: Final = Family("pushline_runs", "Runs that ended", ("outcome",))
UNDER_WAY: Final = Family("pushline_runs_under_way", "Runs that have not ended")
LEAD: Final = Family("pushline_lead_seconds", "From a push in the log to its run being live")
WAITING: Final = Family(
    "pushline_step_waiting_seconds", "How long a step waited before it began", ("step",)
)
WORKING: Final = Family("pushline_step_working_seconds", "How long a step worked", ("step",))
OLDEST: Final = Family(
    "pushline_step_oldest_age_seconds",
    "Age of what has been longest in a step, waiting or working",
    ("step", "state"),
)
FAILURES: Final = Family("pushline_step_failures", "Steps that failed, by error", ("step", "code"))
DELAYS: Final = Family(
    "pushline_step_delays", "Steps that waited for something that was away", ("step", "code")
)
LAST_LIVE: Final = Family(
    "pushline_last_live_timestamp_seconds", "When a run was live last; absent: never"
)
CALLS: Final = Family(
    "pushline_function_invocations", "Requests that functions answered", ("project", "function")
)
ERRORS: Final = Family(
    "pushline_function_errors", "Answers of 500 and above", ("project", "function")
)
LATENCY: Final = Family("pushline_function_seconds", "From a request's head to its answer's end")

up: Final = Gauge("pushline_log_up", "1: the log's server answers, 0: it does not")
head: Final = Gauge("pushline_log_last_sequence", "Of the last fact in EVENTS")
mark: Final = Gauge(
    "pushline_log_high_water_sequence", "As far as the log is known to have come: never above"
)
stored: Final = Gauge("pushline_stream_bytes", "Bytes that a stream holds", ["stream"])
room: Final = Gauge("pushline_stream_room_bytes", "Bytes that a stream may hold", ["stream"])
messages: Final = Gauge("pushline_stream_messages", "Messages in a stream", ["stream"])
pending: Final = Gauge(
    "pushline_consumer_pending_messages", "In the stream, not yet delivered", ["consumer"]
)
unacknowledged: Final = Gauge(
    "pushline_consumer_unacknowledged_messages", "Delivered, not yet acknowledged", ["consumer"]
)
redelivered: Final = Gauge(
    "pushline_consumer_redelivered_messages", "Of those, delivered more than once", ["consumer"]
)
letters: Final = Gauge(
    "pushline_dead_letters", "What was given up, by what became of it", ["consumer", "state"]
)
fsync: Final = Gauge(
    "pushline_disk_fsync_seconds", "One write and its fsync in the home of metrics, the last time"
)
