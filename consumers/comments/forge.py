"""The port to where comments are."""

from typing import Protocol

import msgspec

from schemas.errors import GiveUp, Retry
from schemas.repository import Repository


class Place(msgspec.Struct, frozen=True):
    """A pull request, or merge request."""

    project: str  # the forge's own id
    repository: Repository
    number: int

    @property
    def marker(self) -> str:
        """Return what our comment begins with, and no other does; nobody sees it."""
        return f"<!-- pushline:pull-{self.number} -->"


class Comments(Protocol):
    """The comments of one forge; shared between tasks.

    Everything raises ForgeUnavailable, ForgeRefused, and NotTaken where there is nothing to write
    to. Of comments with our marker only those that we have written ourselves count.
    """

    def reaches(self, at: Place) -> bool:
        """Tell whether we may write there at all."""
        ...

    async def find(self, at: Place) -> str:
        """Return the forge's id of our comment, the oldest if there are more; "" for none."""
        ...

    async def write(self, at: Place, text: str) -> str:
        """Add a comment; return its id. After ForgeUnavailable it may be there all the same."""
        ...

    async def edit(self, at: Place, comment: str, text: str) -> bool:
        """Replace the text of a comment; False when somebody has deleted it."""
        ...

    async def remove(self, at: Place, comment: str) -> None:
        """Delete a comment of ours, if it is there."""
        ...


class NotTaken(GiveUp):
    """A forge will never take a comment: the pull request or the repository is not there."""

    code = "comment_not_taken"


class RefusedByForge(Retry):
    """A forge does not let us write comments, until somebody opens the way."""

    code = "comment_refused"
