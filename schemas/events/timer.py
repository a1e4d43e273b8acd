"""Facts about a timer; its id is ``<purpose>/<what it is about>``."""

from datetime import datetime
from typing import Literal

from schemas.events import Event


class TimerFired(Event, frozen=True, tag="timer.fired/1"):
    """A moment has come. Written by timer, read by timer and planner."""

    purpose: str  # cron-function, run-timeout, preview-expiry, collection
    about: str  # environment/function, the run, or the environment
    due: datetime  # UTC; what was missed fires later, once


class TimerCallBegun(Event, frozen=True, tag="timer.call-begun/1"):
    """A function is about to be called: it is never called again for this. Written by timer."""

    due: datetime


class TimerDelivered(Event, frozen=True, tag="timer.delivered/1"):
    """What came of calling a function. Written by timer."""

    due: datetime
    outcome: Literal["answered", "unreachable", "unknown"]
    status: int = 0  # of the response; 0: there was none
    took_ms: int = 0
    message: str = ""
