"""Facts about a removal that is announced; its id is the function's, ``<environment>/<name>``."""

from datetime import datetime

from schemas.events import Event


class CollectionPlanned(Event, frozen=True, tag="collection.planned/1"):
    """A function that nobody wants any more goes at a moment. Written by collector, read by timer.

    Until then it stays as it is, and whoever may can keep it.
    """

    label: str
    environment: str
    function: str
    reason: str  # why nobody wants it
    because: int  # sequence of the fact that says so
    due: datetime  # UTC


class CollectionCancelled(Event, frozen=True, tag="collection.cancelled/1"):
    """It stays after all. Written by collector and edge, read by timer.

    It is announced again only when another fact says that nobody wants it.
    """

    because: int  # sequence of the fact that no longer counts
    reason: str = ""
