"""Facts about what is in the blobs of a build; the id is its digest."""

from typing import Literal

from schemas.events import Event


class ArchiveCollected(Event, frozen=True, tag="archive.collected/1"):
    """No kept revision needs it, and no open run; it is gone. Written by collector."""

    kind: Literal["archive", "spec"]
    named: int  # sequence of the fact that named it last
