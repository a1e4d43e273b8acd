"""What signing in counts; ``bus/telemetry`` serves it."""

from typing import Final

from prometheus_client import Counter

begun: Final = Counter("pushline_sessions_begun", "People who signed in", ["via"])
refused: Final = Counter(
    "pushline_sign_ins_refused", "Sign-ins that came to nothing, by the code of the page", ["code"]
)
