"""Facts about a pull request, or GitLab's merge request; its id is its number."""

from datetime import datetime

from schemas.events import Event
from schemas.ids import Sha
from schemas.repository import Repository


class PullOpened(Event, frozen=True, tag="pull.opened/1"):
    """Somebody wants a branch merged, or does so again. Written by intake, read by planner."""

    number: int
    branch: str  # that is to be merged
    sha: Sha  # its head
    base: str  # the branch that it is to be merged into
    repository: Repository  # of the base
    author: str = ""  # the forge's login
    fork: bool = False  # the branch is in another repository, which anybody may own
    head: str = ""  # owner/name of that repository
    updated: datetime | None = None  # when the forge says that this was so


class PullUpdated(Event, frozen=True, tag="pull.updated/1"):
    """The branch of a pull request has moved. Written by intake, read by planner."""

    number: int
    branch: str
    sha: Sha
    base: str
    repository: Repository
    author: str = ""
    fork: bool = False
    head: str = ""
    updated: datetime | None = None
    before: str = ""  # the head that it had; "": the forge does not say


class PullClosed(Event, frozen=True, tag="pull.closed/1"):
    """A pull request was merged, or given up. Written by intake, read by planner."""

    number: int
    sha: Sha
    merged: bool = False
    updated: datetime | None = None


class PullHeld(Event, frozen=True, tag="pull.held/1"):
    """A commit of a fork waits until a member has approved it. Written by planner.

    Until then nothing of it is fetched, built or given a secret.
    """

    number: int
    sha: Sha
    repository: Repository
    author: str = ""
    environment: str = ""  # where it would go
    push: int = 0  # sequence of the fact that this answers


class PullApproved(Event, frozen=True, tag="pull.approved/1"):
    """A member lets one commit of a fork be built; no other. Written by edge, read by planner."""

    number: int
    sha: Sha
    reason: str = ""
