"""Previews: which of a project's branches and pull requests have an environment. Pure."""

from datetime import datetime
from typing import Final

import msgspec

from schemas.environments import PREVIEW_DAYS, PREVIEWS_MOST, PRODUCTION, Previews, of_branch
from schemas.events.project import ProjectConfigured
from schemas.repository import Repository


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator allows."""

    previews: int = PREVIEWS_MOST  # of one project at the same time
    days: int = PREVIEW_DAYS  # that one lives unused, where nobody says otherwise


LIMITS: Final = Limits()


class Preview(msgspec.Struct, frozen=True):
    """An environment that is open."""

    branch: str
    pull: int  # 0: of the branch
    until: datetime  # when it is closed, unless it is used
    push: int  # sequence of what it was used for last


class Rules(msgspec.Struct, frozen=True):
    """Who goes where, by what owners said and the stack that went to production last."""

    said: ProjectConfigured = ProjectConfigured()
    stack: Previews | None = None
    told: int = 0  # the generation of production that told of ``stack``

    @property
    def previews(self) -> Previews:
        """Return what holds: the owners' word, else the stack's, else none."""
        return self.said.previews or self.stack or Previews()

    def production(self, repository: Repository) -> str:
        """Return the branch that goes to production."""
        return self.said.branch or repository.default_branch

    def environment(self, branch: str, repository: Repository) -> str:
        """Return where a branch goes, "" for nowhere."""
        if branch == self.production(repository):
            return PRODUCTION
        return of_branch(branch) if self.previews.takes(branch) else ""
