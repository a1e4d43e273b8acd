"""Where an error came from, in our own code: what a dead letter may tell.

Names of files and functions are ours; an error's text and its values may be anybody's secret.
"""

import traceback
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
ROOMS: Final = frozenset({"bus", "consumers", "edge", "schemas"})
FRAMES: Final = 20  # the innermost
CHAIN: Final = 5  # errors that led to one another


def stack(error: BaseException) -> tuple[str, ...]:
    """Return the lines of our own code that an error went through, the innermost last."""
    lines: list[str] = []
    link: BaseException | None = error
    for _ in range(CHAIN):
        if link is None:
            break
        places = map(_own, traceback.extract_tb(link.__traceback__))
        lines[:0] = [*[place for place in places if place][-FRAMES:], type(link).__name__]
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return tuple(lines[-2 * FRAMES :])


def _own(frame: traceback.FrameSummary) -> str:
    path = Path(frame.filename)
    if not path.is_relative_to(ROOT):
        return ""
    inner = path.relative_to(ROOT)
    return f"{inner}:{frame.lineno} in {frame.name}" if inner.parts[0] in ROOMS else ""
