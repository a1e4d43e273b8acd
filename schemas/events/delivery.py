"""Facts about a delivery; its id is the forge's delivery id, its project stays empty."""

from datetime import datetime
from typing import Literal

from schemas.events import Event


class DeliveryTranslated(Event, frozen=True, tag="delivery.translated/1"):
    """All facts of a delivery are in the log. Written by intake."""

    kind: str  # the forge's word: push, installation …
    facts: int


class DeliveryIgnored(Event, frozen=True, tag="delivery.ignored/1"):
    """A delivery led to nothing, and why. Written by intake."""

    kind: str
    reason: str


class DeliveryResendRequested(Event, frozen=True, tag="delivery.resend-requested/1"):
    """A stored delivery is to be taken again. Written by cli and api, read by intake."""


class DeliveryResent(Event, frozen=True, tag="delivery.resent/1"):
    """What taking a delivery again came to. Written by intake."""

    request: int  # the sequence of delivery.resend-requested
    facts: tuple[int, ...] = ()  # sequences of what was missing and is there now
    reason: str = ""  # why there are none


class DeliveryRecovered(Event, frozen=True, tag="delivery.recovered/1"):
    """A delivery that its forge never brought was found by asking it. Written by recovery.

    ``delivery``: the forge had tried, and it has the id that it would have had. Of the others the
    forge knew no delivery, or none any more: they tell how things stood when it was asked.
    """

    why: Literal["delivery", "branch", "pull", "project", "account"]
    kind: str  # the forge's word: push, installation …
    about: str = ""  # the branch, the pull request's number, the account
    sent: datetime | None = None  # when the forge tried, as far as it says
