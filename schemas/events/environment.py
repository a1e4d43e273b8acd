"""Facts about an environment of a project; its id is its name: branch-<slug>, pr-<n>."""

from datetime import datetime
from typing import Literal

from schemas.events import Event
from schemas.ids import Sha
from schemas.repository import Repository

Reason = Literal["branch-deleted", "pull-closed", "expired", "project-removed", "asked"]


class EnvironmentOpened(Event, frozen=True, tag="environment.opened/1"):
    """A preview is there from its first run on. Written by planner, read by timer."""

    branch: str
    until: datetime  # when it is closed, unless it is used
    push: int  # sequence of the fact that this answers
    pull: int = 0  # of a pull request; 0: of the branch itself


class EnvironmentRenewed(Event, frozen=True, tag="environment.renewed/1"):
    """A preview was used, and stays longer. Written by planner, read by timer."""

    until: datetime
    push: int  # sequence of the fact that this answers


class EnvironmentRefused(Event, frozen=True, tag="environment.refused/1"):
    """A branch or pull request gets no preview, and why. Written by planner."""

    branch: str
    sha: Sha
    reason: str
    push: int  # sequence of the fact that this answers
    pull: int = 0
    repository: Repository | None = None  # where the commit is told why; None: not written then


class EnvironmentCloseRequested(Event, frozen=True, tag="environment.close-requested/1"):
    """Somebody wants a preview to end before its time. Written by edge, read by planner."""

    reason: str = ""


class EnvironmentPromoteRequested(Event, frozen=True, tag="environment.promote-requested/1"):
    """What a preview runs is to be production, unbuilt. Written by edge, read by planner."""

    run: str  # the preview's run
    deployed: tuple[int, ...]  # sequences of function.deployed, one for each function
    reason: str = ""


class EnvironmentClosed(Event, frozen=True, tag="environment.closed/1"):
    """A preview has ended: nothing of it is to run. Written by planner, read by collector."""

    reason: Reason
    by: str = ""  # who asked for it, closed the pull request or deleted the branch
