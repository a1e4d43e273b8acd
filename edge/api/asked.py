"""What is asked of the API and answered, of runs, members and tokens; commands know these too."""

from datetime import datetime
from typing import Literal

import msgspec

from edge.api.environments import Environment
from edge.auth.members import Member
from schemas.environments import Previews
from schemas.people import Membership, Role, Scope


class RunAsked(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked of a run, and when the log knows."""

    run: str  # the one that is to end; or the one that there will be
    seq: int  # a read with after=<seq> knows of it


class Members(msgspec.Struct, frozen=True, kw_only=True):
    """All members of a tenant."""

    items: list[Member]


class MemberWritten(msgspec.Struct, frozen=True, kw_only=True):
    """What was written of a member."""

    who: str
    role: Role | Literal[""]
    seq: int  # a read with after=<seq> knows of it


class TokenMade(msgspec.Struct, frozen=True, kw_only=True):
    """A token, this once in full."""

    id: str
    name: str
    token: str
    scopes: tuple[Scope, ...]
    tenants: tuple[str, ...]
    until: datetime

    def __repr__(self) -> str:
        """Return which one it is; the text is nobody's business."""
        return f"TokenMade(id={self.id!r})"


class TokenView(msgspec.Struct, frozen=True, kw_only=True):
    """A token as it is listed."""

    id: str
    name: str
    login: str
    scopes: tuple[Scope, ...]
    tenants: tuple[str, ...]
    issued: datetime
    until: datetime
    used: datetime | None  # the newest use that was recorded: one an hour is
    source: str  # the network that it was used from then, or else issued to


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """Some tokens."""

    items: list[TokenView]


class TokenGone(msgspec.Struct, frozen=True, kw_only=True):
    """What was revoked."""

    id: str
    seq: int


class Me(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, as the platform knows him."""

    user: str
    login: str
    kind: str
    operator: bool
    memberships: tuple[Membership, ...]
    scopes: list[str] | None  # None: all that the person may
    until: datetime | None
    token: str  # the id of the token that asks, "" for none


class KeyView(msgspec.Struct, frozen=True, kw_only=True):
    """A key that signs sessions, or has signed some."""

    kid: str
    published: datetime
    retired: datetime | None


class KeyViews(msgspec.Struct, frozen=True, kw_only=True):
    """All signing keys there ever were."""

    items: list[KeyView]


class KeyWritten(msgspec.Struct, frozen=True, kw_only=True):
    """What was written of a signing key."""

    kid: str
    seq: int  # a read with after=<seq> knows of it


class Approved(msgspec.Struct, frozen=True, kw_only=True):
    """What was written."""

    environment: str
    sha: str
    seq: int  # a read with after=<seq> knows of it


class PreviewView(Environment, frozen=True, kw_only=True, omit_defaults=True):
    """A preview, and what it shows."""

    run: str = ""
    sha: str = ""
    outcome: str = ""
    urls: dict[str, str]  # of functions that are live


class PreviewAsked(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked of a preview, and when the log knows."""

    environment: str
    seq: int  # a read with after=<seq> knows of it


class Undone(msgspec.Struct, frozen=True, kw_only=True):
    """What stays."""

    id: int
    label: str
    environment: str
    function: str
    seq: int  # a read with after=<seq> knows of it


class Configured(msgspec.Struct, frozen=True, kw_only=True):
    """What was written."""

    project: str
    branch: str
    previews: Previews | None
    seq: int  # a read with after=<seq> knows of it
