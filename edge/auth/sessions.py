"""Sessions: who is signed in, by person, folded from the log.

Reads   session.signed-in/1, session.signed-out/1
"""

from datetime import datetime
from typing import Final

import msgspec

from schemas.envelope import Recorded
from schemas.events import Event
from schemas.events.session import SessionSignedIn, SessionSignedOut
from schemas.people import Membership

MOST: Final = 100  # sessions of one person; the oldest make room


class Known(msgspec.Struct, frozen=True):
    """A person who has signed in, as the newest sign-in told us."""

    user: str
    login: str
    memberships: tuple[Membership, ...] = ()
    open: dict[str, datetime] = {}  # sessions, oldest first, and when each ends
    seen: datetime | None = None


def key(event: Recorded[Event]) -> str | None:
    """Return the person whom an event is about."""
    match event.fact:
        case SessionSignedIn(user=user) | SessionSignedOut(user=user):
            return user
        case _:
            return None


def reduce(row: Known | None, event: Recorded[Event]) -> Known | None:
    """Return the person's next row; sessions that have ended go as facts pass. Pure."""
    match event.fact:
        case SessionSignedIn() as fact:
            still = {} if row is None else _still(row, event.time)
            still = dict([*still.items(), (event.of.id, fact.until)][-MOST:])
            return Known(fact.user, fact.login, fact.memberships, still, event.time)
        case SessionSignedOut(everywhere=everywhere) if row is not None:
            still = {} if everywhere else _still(row, event.time)
            still.pop(event.of.id, None)
            return msgspec.structs.replace(row, open=still)
        case _:
            return row


def _still(row: Known, now: datetime) -> dict[str, datetime]:
    return {id: until for id, until in row.open.items() if until > now}
