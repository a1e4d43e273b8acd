"""Pull requests at a played GitHub and a played GitLab, each from its opening to its end.

A member's is opened, answers, is promoted, merged and gone; a stranger's waits for approval. What
people see is printed with its time, in seconds since the first push.
"""

import asyncio
from contextlib import ExitStack
from typing import Final

from tests.bench.report import Goal, How, Report, say
from tests.heavy.forges.life import Life
from tests.heavy.forges.rush import SETTINGS
from tests.heavy.forges.sides import opened_sides
from tests.laptop import laptop

OPENED: Final = "opened by a member"
PREVIEW_WITHIN: Final = 3.0  # seconds from the opening to the first answer


def run(how: How) -> Report:
    """Return how long a preview took, and the transcript."""
    with ExitStack() as stack:
        sides = [stack.enter_context(opened) for opened in opened_sides(how.folder, how.seed or 1)]
        told = {name: value for side in sides for name, value in side.settings().items()}
        here = stack.enter_context(laptop(how.folder, SETTINGS | told))
        lives = []
        for side in sides:
            side.listen(here.port)
            life = Life(here, side)
            asyncio.run(life.lived())
            lives.append(life)
    for life in lives:
        for seconds, what in life.lines:
            say(f"{seconds:8.2f} s  {what}")
    goals = [
        Goal(
            f"{life.side.forge}: preview answers",
            PREVIEW_WITHIN,
            _preview(life),
            "s",
            at_least=False,
        )
        for life in lives
    ]
    return Report("pulls", how.machine, {}, goals, [])


def _preview(life: Life) -> float:
    """Return the seconds from the opening to the preview's first answer."""
    at = next(number for number, (_, what) in enumerate(life.lines) if OPENED in what)
    return round(life.lines[at + 1][0] - life.lines[at][0], 2)
