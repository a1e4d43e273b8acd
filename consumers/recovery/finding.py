"""Findings: a delivery that nobody brought, into DELIVERIES, once.

The fact that says so is written first: whoever dies in between does both again.
"""

import hashlib
from contextlib import suppress
from datetime import datetime
from typing import Final, Literal

import msgspec

from bus.log import DeliveryLog, EventLog, Guard
from consumers.forges.recovered import AS_OF, WHY
from consumers.recovery.forge import Made
from schemas import subjects
from schemas.envelope import Aggregate
from schemas.errors import Conflict
from schemas.events.delivery import DeliveryRecovered
from schemas.ids import event_id

NAME: Final = "recovery"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery, and where it came from."""

    id: str
    why: Literal["delivery", "branch", "pull", "project", "account"]
    made: Made
    about: str = ""
    name: str = ""  # of the project, for people
    sent: datetime | None = None
    as_of: int | None = None  # until where the log had come when the forge was asked


def id_of(*parts: str | int) -> str:
    """Return the id of a delivery that no forge has numbered: the same news, the same id."""
    text = "\0".join(map(str, parts))
    return f"recovered-{hashlib.sha256(text.encode()).hexdigest()[:32]}"


class Findings:
    """Where what one forge never brought is put."""

    def __init__(self, forge: str, events: EventLog, deliveries: DeliveryLog) -> None:
        """Store deliveries of ``forge``."""
        self._forge = forge
        self._events = events
        self._deliveries = deliveries

    async def arrived(self, id: str) -> bool:
        """Tell whether a delivery is stored."""
        return await self._deliveries.has(self._forge, id)

    async def put(self, finding: Finding) -> bool:
        """Store a delivery; False where it is stored already."""
        if await self.arrived(finding.id):
            return False
        of = Aggregate(self._forge, "", "delivery", finding.id)
        fact = DeliveryRecovered(finding.why, finding.made.kind, finding.about, finding.sent)
        id = event_id(NAME, f"{self._forge}:{finding.id}", fact)
        guard = Guard(subjects.history(of), 0)
        # a conflict: it was said before, by one who died then, or the delivery has come after all
        with suppress(Conflict):
            await self._events.append(
                fact, of=of, id=id, actor=NAME, name=finding.name, guard=guard
            )
        await self._deliveries.store(
            self._forge, finding.id, self._headers(finding), finding.made.body
        )
        return True

    def _headers(self, finding: Finding) -> dict[str, str]:
        random = hashlib.sha256(f"{self._forge}:{finding.id}".encode()).hexdigest()
        headers = {
            **finding.made.headers,
            WHY: finding.why,
            "traceparent": f"00-{random[:32]}-{random[32:48]}-01",
        }
        if self._forge == "github":
            headers["x-github-delivery"] = finding.id
        if finding.as_of is not None:
            headers[AS_OF] = str(finding.as_of)
        return headers
