"""Pushes to many projects of a played GitHub and a played GitLab, in bad weather.

``--projects N --pushes N --seed N``. Webhooks are lost, late, in the wrong order and sent twice,
requests are answered 5xx and limited, and Pushline is killed twice. In the end each project's
newest commit is live, each commit is shown as it is, and nothing was done twice. The seed is
printed, and repeats the weather.
"""

import asyncio
import random
from typing import Final

from tests.bench.report import Goal, How, Report, say
from tests.heavy.forges.rush import Plan, rushed

LOST: Final = 0.1  # share of the webhooks
KILLS: Final = 2
PATIENCE: Final = 400.0  # seconds; what was lost is found by the minute
SHOWN: Final = 10


def run(how: How) -> Report:
    """Return what came of it."""
    seed = how.seed or random.SystemRandom().randrange(1, 1_000_000)
    plan = Plan(how.projects, how.pushes, seed, LOST, PATIENCE, KILLS)
    rush, wrong = asyncio.run(rushed(how.folder, plan))
    for one in wrong[:SHOWN]:
        say(one)
    times = ", ".join(f"{what} {seconds:g} s" for what, seconds in rush.seconds.items())
    facts = ", ".join(f"{count} {fact}" for fact, count in sorted(rush.facts.items()))
    goal = Goal("wrong in the end", 0, len(wrong), "", at_least=False)
    notes = [f"{how.pushes} pushes to {how.projects} projects, seed {seed}: {times}", facts]
    return Report("forges", how.machine, {}, [goal], notes)
