"""The port to a forge that can be asked how things are, and what it failed to deliver."""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any, ClassVar, Literal, Protocol

import msgspec

from consumers.recovery.known import Project
from schemas.ids import Sha
from schemas.repository import Repository


class Head(msgspec.Struct, frozen=True):
    """Where a branch is at the forge."""

    sha: Sha
    at: datetime | None = None  # when somebody moved it last; only where the log does not know it


class Wish(msgspec.Struct, frozen=True):
    """A pull request at the forge."""

    sha: Sha
    closed: bool = False
    at: datetime | None = None  # when it last changed
    raw: Any = None  # as the forge shows it


class Seen(msgspec.Struct, frozen=True):
    """A project at the forge. What the log knows is in it, were it only to say that it is gone."""

    repository: Repository
    heads: Mapping[str, Head]  # of branches that are there
    pulls: Mapping[int, Wish]  # that are open, or were as the log knows
    installed: bool = True  # where each project says that by itself
    raw: Any = None


class Named(msgspec.Struct, frozen=True):
    """A repository that an account has opened to us."""

    id: str
    repository: Repository
    raw: Any = None


class Account(msgspec.Struct, frozen=True):
    """An account that has let us in."""

    login: str
    installation: str
    suspended: bool = False
    repositories: tuple[Named, ...] | None = None  # None: it gave no answer
    raw: Any = None


class Roster(msgspec.Struct, frozen=True):
    """Who has let us in, and with what."""

    accounts: tuple[Account, ...] = ()
    projects: Mapping[str, Named] = {}  # by the forge's id
    silent: int = 0  # accounts that gave no answer


class Sent(msgspec.Struct, frozen=True):
    """What a forge remembers of a delivery."""

    position: int  # higher is newer
    id: str  # as ingest would have stored it
    kind: str
    at: datetime | None
    about: str = ""  # where the rest is to be had


class Made(msgspec.Struct, frozen=True):
    """A delivery as the forge would have sent it."""

    kind: str
    headers: Mapping[str, str]  # as ingest keeps them
    body: bytes


Turned = Literal["opened", "moved", "closed"]
Changed = Literal["created", "deleted", "suspend", "unsuspend", "renamed", "added", "removed"]


class Move(msgspec.Struct, frozen=True):
    """A branch is elsewhere than the log has it."""

    branch: str
    before: Sha
    after: Sha
    seq: int  # of the branch's newest fact


class Turn(msgspec.Struct, frozen=True):
    """A pull request stands otherwise than in the log."""

    number: int
    how: Turned
    sha: Sha
    before: str = ""  # the head that the log has
    seq: int = 0


class Change(msgspec.Struct, frozen=True):
    """An account has let us in, or out, or somewhere else."""

    account: str
    installation: str
    how: Changed
    repositories: tuple[str, ...] = ()  # ids
    seq: int = 0  # of the newest fact about whatever it is about
    old: str = ""  # what a renamed account is called in the log


class Update(msgspec.Struct, frozen=True):
    """A project is called otherwise, open to others, or installed no more."""

    how: Literal["renamed", "updated"]
    seq: int  # of the newest fact about the project itself


class Forge(Protocol):
    """Asks one forge; shared between tasks.

    What asks raises ForgeUnavailable and ForgeRefused: nothing follows from no answer.
    """

    name: ClassVar[str]

    async def tagged(self) -> Mapping[str, Seen]:
        """Return projects that say by themselves that they are installed, by id; heads apart."""
        ...

    async def look(self, known: Project, named: Named | None) -> Seen | None:
        """Return a project as it is now, None where there is nothing to be seen of it."""
        ...

    def sent(self, known: Mapping[str, Project], after: int) -> AsyncIterator[Sent]:
        """Yield what the forge tried to deliver after a position, newest first."""
        ...

    async def delivery(self, sent: Sent) -> Made | None:
        """Return one of these, None where the forge has it no more."""
        ...

    def push(self, seen: Seen, move: Move) -> Made:
        """Return how the forge tells of a branch."""
        ...

    def pull(self, seen: Seen, turn: Turn) -> Made:
        """Return how the forge tells of a pull request."""
        ...

    def update(self, seen: Seen, update: Update) -> Made:
        """Return how the forge tells of a project itself."""
        ...


class Lists(Protocol):
    """Asks a forge that keeps a list of who has let us in; raises as ``Forge`` does."""

    async def roster(self) -> Roster:
        """Return the list, whole; accounts that give no answer are in it without repositories."""
        ...

    async def gone(self, installation: str) -> bool:
        """Tell whether the forge itself says that there is no such installation."""
        ...

    def change(self, change: Change, roster: Roster, known: Mapping[str, Project]) -> Made:
        """Return how the forge tells of a change of this list."""
        ...
