"""Where the predecessor's endpoints answer; imports nothing, for the router reads it too."""

from typing import Final

LIST_FUNCTIONS: Final = "list-functions"
FUNCTION_LOGS: Final = "function-logs"
METRICS: Final = "system-metrics"

# On our own hosts: what its router led to `/function/system-<path>` of its gateway.
OWN: Final = {
    f"/{LIST_FUNCTIONS}": LIST_FUNCTIONS,
    f"/{FUNCTION_LOGS}": FUNCTION_LOGS,
    f"/{METRICS}": METRICS,
}
# As at its gateway. "system" is nobody's label; a tenant of the label "system-list" still has his
# function at its own host.
JOINED: Final = {
    f"system-{LIST_FUNCTIONS}": LIST_FUNCTIONS,
    f"system-{FUNCTION_LOGS}": FUNCTION_LOGS,
    METRICS: METRICS,
}
ALL: Final = OWN | {f"/function/{name}": endpoint for name, endpoint in JOINED.items()}
