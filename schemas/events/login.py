"""Facts about a device that wants to be signed in (RFC 8628); the id is its user code's hash.

The code for the device and the code for people are both secrets while they live: of neither there
is more than a hash.
"""

from datetime import datetime

from schemas.events import Event
from schemas.ids import Digest
from schemas.people import Scope


class LoginRequested(Event, frozen=True, tag="login.requested/1"):
    """A device asks to act for somebody, who is not known yet. Written by edge."""

    device: Digest  # of the code that the device asks again with
    client: str  # what it calls itself, which nobody has checked
    until: datetime
    source: str = ""  # its network
    scopes: tuple[Scope, ...] = ()  # none: all that its person may give away
    tenants: tuple[str, ...] = ()  # forge/owner; none: all that its person is in
    days: int = 90  # that its token lasts


class LoginApproved(Event, frozen=True, tag="login.approved/1"):
    """A person lets the device act in his name. Written by edge."""

    user: str
    login: str
    source: str = ""  # the person's network
    scopes: tuple[Scope, ...] = ()


class LoginRefused(Event, frozen=True, tag="login.refused/1"):
    """A person does not let the device in. Written by edge."""

    user: str


class LoginRedeemed(Event, frozen=True, tag="login.redeemed/1"):
    """The device fetches its token: once, this guards it. Written by edge."""
