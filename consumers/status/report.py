"""The port to what a forge shows of a commit, and what it is told."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from consumers.forges.checks import APPROVE, CANCEL, Check
from consumers.status.decide import Saying
from consumers.status.standing import Standing, Text
from schemas.errors import GiveUp, Retry


class Action(msgspec.Struct, frozen=True):
    """A button; a forge limits its texts to 20, 40 and 20 characters."""

    label: str
    description: str
    identifier: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What people are shown; all of it may be shown to whoever sees the commit."""

    saying: Saying
    about: Check
    text: Text
    actions: Sequence[Action] = ()
    url: str = ""
    started: datetime | None = None
    completed: datetime | None = None


def actions(saying: Saying) -> tuple[Action, ...]:
    """Return the buttons that make sense; a forge has one of its own for doing it again."""
    if saying.function:
        return ()
    if saying.conclusion == "action_required":
        return (Action("Approve", "Build and deploy this very commit", APPROVE),)
    if saying.status != "completed":
        return (Action("Cancel", "Stop before anything is deployed", CANCEL),)
    return ()


class Forge(Protocol):
    """One forge; shared between tasks."""

    @property
    def stages(self) -> bool:
        """Tell whether it can show what goes on while a run does."""
        ...

    def reaches(self, at: Standing) -> bool:
        """Tell whether we may tell it anything of the commit's project."""
        ...

    async def tell(self, at: Standing, report: Report, check: str) -> str:
        """Have it shown, in place of what was; return the forge's own id of it, if there is one.

        ``check``: the id from the last time, "" where none is known: it may be there all the
        same. Raises NotTaken, ForgeRefused, ForgeUnavailable.
        """
        ...


class NotTaken(GiveUp):
    """A forge will never take what it is told: the commit or the repository is not there."""

    code = "status_not_taken"


class ReportRefused(Retry):
    """A forge does not let us tell it anything, until somebody opens the way."""

    code = "status_refused"
