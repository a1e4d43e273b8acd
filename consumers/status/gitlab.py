"""What GitLab shows of a commit: external jobs of its pipeline.

https://docs.gitlab.com/api/commits/#set-commit-pipeline-status

A job that has begun cannot begin again, and one that has ended stays so: whatever is said of its
context after that is another job, which GitLab shows in its place.
"""

from typing import Any, Final, Protocol

from consumers.forges.asking import Answer, ForgeUnavailable
from consumers.status.report import NotTaken, Report
from consumers.status.standing import Standing

DESCRIPTION: Final = 255  # characters
REF: Final = 255
SHOWN: Final = 300  # characters of GitLab's own words
CONFLICTS: Final = frozenset({409})  # somebody else writes that pipeline at this moment
STATES: Final = {
    "queued": "pending",
    "in_progress": "running",
    "success": "success",
    "neutral": "skipped",
    "failure": "failed",
    "cancelled": "canceled",
    "action_required": "pending",
}


class Api(Protocol):
    """What is needed of ``consumers.forges.gitlab.api.Api``."""

    async def request(self, method: str, path: str, *, json: Any = None) -> Answer:
        """Return GitLab's answer."""
        ...


class Jobs:
    """External jobs, one for each context of a commit."""

    stages: Final = False

    def __init__(self, api: Api) -> None:
        """Ask with a token that may write."""
        self._api = api

    def reaches(self, at: Standing) -> bool:  # noqa: ARG002 - the token's rights say it
        """Tell that whatever the token may is tried."""
        return True

    async def tell(self, at: Standing, report: Report, check: str) -> str:
        """Have a job say it; return the job's id."""
        saying = report.saying
        body = {
            "state": STATES[saying.conclusion or saying.status],
            "name": report.about.context,
            "description": report.text.description[:DESCRIPTION],
        }
        body |= {"target_url": report.url} if report.url else {}
        # a fork's commit is on no branch of this project
        body |= {"ref": at.branch} if at.branch and not at.pull and len(at.branch) <= REF else {}
        path = f"/projects/{at.project}/statuses/{at.sha}"
        answer = await self._api.request("POST", path, json=body)
        if 200 <= answer.status < 300:
            return str(answer.body.get("id", "")) if isinstance(answer.body, dict) else ""
        said = _words(answer)
        if answer.status == 400 and "Cannot transition status" in said:
            return check  # it shows that already: told before, and not written down
        if answer.status in CONFLICTS:
            raise ForgeUnavailable(f"GitLab is busy with that pipeline: {said}")
        raise NotTaken(f"GitLab takes no status: {answer.status} {said}".rstrip())


def _words(answer: Answer) -> str:
    body = answer.body
    said = body.get("message") or body.get("error") or "" if isinstance(body, dict) else ""
    return str(said)[:SHOWN]
