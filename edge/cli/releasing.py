"""Looking on while a release that somebody asked for is carried out."""

import sys
import time
from typing import Final

from edge.api.asked import RunAsked
from edge.api.shapes import RunView
from edge.cli.client import Api, ApiRefused

PATIENCE: Final = 60.0  # seconds that somebody looks on
EACH: Final = 0.2


def ended(api: Api, asked: RunAsked) -> int:
    """Wait for the end of a run that is about to be queued; say how it went, return 0 if live."""
    end = time.monotonic() + PATIENCE
    view: RunView | None = None
    while time.monotonic() < end:
        view = _seen(api, asked)
        if view is not None and view.ended is not None:
            break
        time.sleep(EACH)
    if view is None or view.ended is None:
        sys.stdout.write(f"it goes on: pushline run show {asked.run}\n")
        return 1
    more = f": {view.message}" if view.message else ""
    took = (view.ended - view.queued).total_seconds()
    sys.stdout.write(f"{view.outcome} after {took:.2f} s{more}\n")
    for function, url in view.urls.items():
        sys.stdout.write(f"{function} answers at {url}\n")
    return 0 if view.outcome == "live" else 1


def _seen(api: Api, asked: RunAsked) -> RunView | None:
    """Return the run, None until it is queued."""
    try:
        return api.get(f"/api/runs/{asked.run}", RunView, after=asked.seq)
    except ApiRefused as error:
        if error.status == 404:
            return None
        raise
