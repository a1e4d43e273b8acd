"""Facts about handing a session on to another host; the id is random, and of one use."""

from schemas.events import Event


class GrantRedeemed(Event, frozen=True, tag="grant.redeemed/1"):
    """A browser came with what its session was handed on by: once, this guards it. Written by auth.

    From here on the host's function is told who calls it.
    """

    user: str
    host: str
    source: str = ""
