"""Facts about a dead letter; its id is ``<consumer>:<stream>:<seq>`` of what was given up.

Forge and project are those of the event that the letter is about. A letter has one of redriven and
dropped at most: its history is the guard. One that fails again is a new letter.
"""

from schemas.events import Event


class DeadletterRedriven(Event, frozen=True, tag="deadletter.redriven/1"):
    """The consumer that gave up is to try again. Written by cli and api, read by that consumer.

    Nothing is published again: it takes the message that stands at ``seq`` of ``stream``, with
    attempts of its own, as if it were delivered now.
    """

    consumer: str
    stream: str  # EVENTS, DELIVERIES …
    seq: int


class DeadletterHandled(Event, frozen=True, tag="deadletter.handled/1"):
    """What was redriven has been handled. Written by the bus for that consumer."""


class DeadletterDropped(Event, frozen=True, tag="deadletter.dropped/1"):
    """Nobody is to try again. Written by cli and api."""

    reason: str
