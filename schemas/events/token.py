"""Facts about API tokens; the id is the token's, which is no secret."""

from datetime import datetime

from schemas.events import Event
from schemas.ids import Digest
from schemas.people import Scope


class TokenIssued(Event, frozen=True, tag="token.issued/1"):
    """A token was made and shown once. Written by auth, read by routers."""

    user: str  # whose it is: it never may more than this person may now
    login: str
    name: str
    hash: Digest  # of the whole text
    scopes: tuple[Scope, ...]
    until: datetime
    tenants: tuple[str, ...] = ()  # forge/owner; none: all that its person is in
    source: str = ""


class TokenUsed(Event, frozen=True, tag="token.used/1"):
    """A token was used, for the first time in an hour. Written by auth."""

    source: str = ""


class TokenRevoked(Event, frozen=True, tag="token.revoked/1"):
    """A token is worth nothing any more. Written by auth, read by routers."""

    reason: str = ""
