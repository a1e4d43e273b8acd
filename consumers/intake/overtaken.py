"""What a recovered delivery says counts as long as nothing newer was recorded.

It tells how things were when the forge was asked. A webhook that came since is newer, whatever it
says; the next comparison will see what is true then.
"""

from collections.abc import Iterable

from msgspec.structs import replace

from bus.log import Draft, EventLog, Guard
from consumers.forges.recovered import as_of
from schemas import subjects
from schemas.envelope import Delivery

REASON = "more was told of it since the forge was asked"


def overtaken(delivery: Delivery, seq: int) -> bool:
    """Tell whether a fact of this sequence is newer than what a recovered delivery says."""
    asked = as_of(delivery)
    return asked is not None and seq > asked


async def current(delivery: Delivery, drafts: Iterable[Draft], events: EventLog) -> list[Draft]:
    """Return the facts that were not overtaken, guarded so that none will be meanwhile."""
    if as_of(delivery) is None:
        return list(drafts)
    kept, guarded = [], set()
    for draft in drafts:
        history = subjects.history(draft.of)
        seq = await events.last_seq(history)
        if overtaken(delivery, seq):
            continue
        kept.append(draft if history in guarded else replace(draft, guard=Guard(history, seq)))
        guarded.add(history)
    return kept
