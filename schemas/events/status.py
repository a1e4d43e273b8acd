"""Facts about what a forge was told of a commit; the id is ``<environment>/<function>@<sha>``.

Without a function it is about the commit's whole stack.
"""

from typing import Literal

from schemas.events import Event
from schemas.ids import Sha


class StatusReported(Event, frozen=True, tag="status.reported/1"):
    """A forge shows this of a commit. Written by status, read by status."""

    environment: str
    sha: Sha
    headline: str  # what it says, in short: the same is not sent twice
    as_of: int  # sequence of the newest fact that it tells of
    function: str = ""
    run: str = ""  # "" of a commit that waits for approval
    status: Literal["queued", "in_progress", "completed"] = "queued"
    conclusion: str = ""  # once completed: success, failure, cancelled, neutral, action_required
    check: str = ""  # the forge's own id of it, where it has one


class StatusReportFailed(Event, frozen=True, tag="status.report-failed/1"):
    """A forge does not take what it is told of a commit, or gives no answer, and why.

    Written by status, read by status.
    """

    environment: str
    sha: Sha
    headline: str
    as_of: int
    code: str
    message: str
    function: str = ""
    run: str = ""
    waits: bool = False  # it is told once the forge is back, or somebody has opened the way
