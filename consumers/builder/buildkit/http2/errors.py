"""How a connection, or one call on it, ends."""

from enum import IntEnum


class ConnectionBroken(Exception):
    """The peer does not speak HTTP/2 as we know it; the connection is over."""


class StreamReset(Exception):
    """The peer no longer wants this call, or the connection is gone."""


class Code(IntEnum):
    """gRPC's status codes, as far as a session answers with them."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    NOT_FOUND = 5
    RESOURCE_EXHAUSTED = 8
    UNIMPLEMENTED = 12
    INTERNAL = 13


class Abort(Exception):
    """A handler ends its call with this status."""

    def __init__(self, code: Code, message: str) -> None:
        """Say what is answered; the message reaches the daemon's log."""
        super().__init__(message)
        self.code = code
        self.message = message
