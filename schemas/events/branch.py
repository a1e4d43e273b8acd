"""Facts about a branch; its id is its name."""

from schemas.events import Event
from schemas.ids import Sha
from schemas.repository import Repository


class BranchPushed(Event, frozen=True, tag="branch.pushed/1"):
    """A forge says that a branch moved. Written by intake, read by planner."""

    branch: str
    before: Sha
    after: Sha
    repository: Repository
    pusher: str = ""
    continues: bool = True  # before was the head we knew; else the run asks the forge for the head


class BranchPushOutdated(Event, frozen=True, tag="branch.push-outdated/1"):
    """A push told of a commit that the branch has left already. Written by intake."""

    branch: str
    before: Sha
    after: Sha
    head: Sha  # where the branch is, as far as we know


class BranchDeleted(Event, frozen=True, tag="branch.deleted/1"):
    """A branch is gone. Written by intake, read by planner."""

    branch: str
    before: Sha
    pusher: str = ""
