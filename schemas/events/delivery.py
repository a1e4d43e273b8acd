"""Facts about a delivery; its id is the forge's delivery id, its project stays empty."""

from schemas.events import Event


class DeliveryTranslated(Event, frozen=True, tag="delivery.translated/1"):
    """All facts of a delivery are in the log. Written by intake."""

    kind: str  # the forge's word: push, installation …
    facts: int


class DeliveryIgnored(Event, frozen=True, tag="delivery.ignored/1"):
    """A delivery led to nothing, and why. Written by intake."""

    kind: str
    reason: str
