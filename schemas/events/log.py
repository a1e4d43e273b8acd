"""Facts about the whole log of one function's build; the id is ``<sha>/<function>``."""

from schemas.events import Event


class LogCollected(Event, frozen=True, tag="log.collected/1"):
    """It is older than logs are kept, and no kept revision's; it is gone. Written by collector."""

    repository: str  # owner/name as it was when the commit was built
    named: int  # sequence of the fact that named it last
