"""Facts about a project; its id stays empty, the project's own id is its identity."""

from datetime import datetime

from schemas.environments import Previews
from schemas.events import Event


class ProjectInstalled(Event, frozen=True, tag="project.installed/1"):
    """A repository was opened to us. Written by intake."""

    owner: str
    repository: str
    private: bool = False
    installation: str = ""
    told: datetime | None = None  # when we heard of it, where the forge had to be asked first


class ProjectRenamed(Event, frozen=True, tag="project.renamed/1"):
    """A repository has a new name or owner. Written by intake, read by planner."""

    owner: str
    repository: str


class ProjectUpdated(Event, frozen=True, tag="project.updated/1"):
    """A repository's settings changed; the forge knows how. Written by intake, read by collector.

    It is no evidence that we were shut out: only the forge's own answer is.
    """

    owner: str
    repository: str
    private: bool = False


class ProjectRemoved(Event, frozen=True, tag="project.removed/1"):
    """A repository was deleted or closed to us. Written by intake, read by collector."""

    reason: str


class ProjectConfigured(Event, frozen=True, tag="project.configured/1"):
    """All that owners say of a project beside its stack. Written by edge, read by planner."""

    branch: str = ""  # that goes to production; "": the forge's default branch
    previews: Previews | None = None  # None: as stack.yml on that branch says
