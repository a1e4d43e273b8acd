"""What GitLab shows of a commit: external jobs of its pipeline.

https://docs.gitlab.com/api/commits/#set-commit-pipeline-status

A job that has begun cannot begin again, and one that has ended stays so: whatever is said of its
context after that is another job, which GitLab shows in its place.
"""

from typing import Any, Final, Protocol

import msgspec

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

    async def request(
        self, method: str, path: str, *, json: Any = None, query: Any = None
    ) -> Answer:
        """Return GitLab's answer."""
        ...


class _Job(msgspec.Struct):
    id: int
    name: str = ""
    status: str = ""
    description: str | None = None
    target_url: str | None = None


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
        if saying.conclusion and (there := await self._there(at, body)):
            return there
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

    async def _there(self, at: Standing, body: dict[str, str]) -> str:
        """Return the job that says this already, "" for none.

        What ends a job is not refused when it comes again, as what begins one is: there would be
        another. GitLab may have taken it, and its answer was lost.
        """
        path = f"/projects/{at.project}/repository/commits/{at.sha}/statuses"
        answer = await self._api.request("GET", path, query={"name": body["name"]})
        if answer.status != 200:
            return ""
        jobs = (one for one in answer.read(list[_Job]) if one.name == body["name"])
        newest = max(jobs, key=lambda one: one.id, default=None)
        said = newest and (newest.status, newest.description or "", newest.target_url or "")
        wanted = body["state"], body["description"], body.get("target_url", "")
        return str(newest.id) if newest and said == wanted else ""


def _words(answer: Answer) -> str:
    body = answer.body
    said = body.get("message") or body.get("error") or "" if isinstance(body, dict) else ""
    return str(said)[:SHOWN]
