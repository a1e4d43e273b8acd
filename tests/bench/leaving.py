"""An account with 30 functions shuts us out, at a played GitHub and a played GitLab.

The forge goes down once it has told, and nothing is removed before it confirms that we are shut
out. What is seen is printed with its time, in seconds since the first push.
"""

import asyncio
from contextlib import ExitStack
from typing import Final

from tests.bench.report import Goal, How, Report, say
from tests.heavy.forges.leaving import Leaving, audited, to_be_collected
from tests.heavy.forges.rush import SETTINGS
from tests.heavy.forges.sides import opened_sides
from tests.laptop import laptop

FUNCTIONS: Final = 30
NOW: Final = {"PUSHLINE_COLLECT_GRACE_MINUTES": "0"}


def run(how: How) -> Report:
    """Return what went while the forge was down, and how long all took after it."""
    with ExitStack() as stack:
        sides = [stack.enter_context(opened) for opened in opened_sides(how.folder, how.seed or 1)]
        told = {name: value for side in sides for name, value in side.settings().items()}
        here = stack.enter_context(laptop(how.folder, SETTINGS | NOW | told))
        leaving = []
        for side in sides:
            side.listen(here.port)
            leaving.append(Leaving(here, side, FUNCTIONS))
            asyncio.run(leaving[-1].left())
        record = audited(here)
        unneeded = to_be_collected(here)
    for each in leaving:
        for seconds, what in each.lines:
            say(f"{seconds:8.2f} s  {what}")
    early = Goal(
        "removed while the forge was down",
        0,
        sum(each.removed_early for each in leaving),
        "",
        at_least=False,
    )
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(unneeded.items()))
    times = ", ".join(f"{each.side.forge} {each.seconds:g} s" for each in leaving)
    notes = [
        f"gone after the outage: {times}",
        f"audit: {record}",
        f"to be collected once nobody may want them back: {kinds}",
    ]
    return Report("leaving", how.machine, {}, [early], notes)
