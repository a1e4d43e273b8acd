"""Facts about comparing a forge with the log; its project and id stay empty."""

from schemas.events import Event


class ReconciliationRequested(Event, frozen=True, tag="reconciliation.requested/1"):
    """A forge is to be compared now. Written by cli, read by recovery."""


class ReconciliationFinished(Event, frozen=True, tag="reconciliation.finished/1"):
    """A forge was compared with the log. Written by recovery.

    Of comparisons that find nothing, about one an hour is recorded.
    """

    projects: int  # that were looked at
    recovered: int = 0  # deliveries, since the last such fact
    silent: int = 0  # accounts and projects that gave no answer
    reason: str = ""  # why the forge gave none at all, if it did
    position: int = 0  # the forge's newest delivery that is known to have arrived
    request: int = 0  # the sequence of the newest reconciliation.requested that this answers
