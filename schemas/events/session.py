"""Facts about signing in; the id is the session's, that of denials stays empty.

No name, address or token of anybody: ``source`` is a network, as 203.0.113.0/24.
"""

from datetime import datetime

from schemas.events import Event
from schemas.people import Membership


class SessionSignedIn(Event, frozen=True, tag="session.signed-in/1"):
    """A provider, or a link of our own, said who somebody is. Written by auth, read by routers."""

    user: str  # <provider>:<immutable id>
    login: str  # <provider>:<login>
    via: str  # github, gitlab, oidc, link
    until: datetime
    memberships: tuple[Membership, ...] = ()
    source: str = ""


class SessionSignedOut(Event, frozen=True, tag="session.signed-out/1"):
    """A session has ended, or all of its person. Written by auth, read by routers."""

    user: str
    everywhere: bool = False
    reason: str = ""


class SessionDenied(Event, frozen=True, tag="session.denied/1"):
    """Somebody was not let in; sampled under attack. Written by auth and routers, read by audit."""

    reason: str
    action: str = ""
    on: str = ""  # forge/owner, or label/environment/function
    user: str = ""  # "" for nobody we know
    source: str = ""
    times: int = 1  # that it stands for
