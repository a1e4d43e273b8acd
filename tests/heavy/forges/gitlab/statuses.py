"""What others than GitLab say of a commit: external jobs.

https://docs.gitlab.com/api/commits/#set-commit-pipeline-status. A job that waits or runs is
changed, one that has ended is followed by another; whatever it is already it cannot become.
"""

import subprocess
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from tests.heavy.forges.gitlab.doors import API, Doors, Said, said_of
from tests.heavy.forges.gitlab.paging import page_of
from tests.heavy.forges.gitlab.state import DEVELOPER, REPORTER, Project
from tests.heavy.forges.gitlab.world import World

STATES = ("pending", "running", "success", "failed", "canceled", "skipped")
OPEN = ("pending", "running")
EVENTS = {"pending": "enqueue", "running": "run"}
FIELDS = {
    "state": str,
    "ref": str,
    "name": str,
    "context": str,
    "target_url": str,
    "description": str,
    "coverage": float,
    "pipeline_id": int,
}


@dataclass
class Job:
    """An external job; ``said`` is each state that it had."""

    id: int
    project: int
    sha: str
    ref: str
    name: str
    status: str
    description: str | None
    target_url: str | None
    said: list[str]


class Statuses:
    """Answers under ``/projects/:id/statuses`` and the commits' own."""

    def __init__(self, world: World, doors: Doors) -> None:
        self.world = world
        self.doors = doors
        self.jobs: list[Job] = []
        self.refused: list[str] = []  # transitions that are none

    def routes(self) -> list[web.RouteDef]:
        """Return what it answers."""
        return [
            web.post(f"{API}/projects/{{id}}/statuses/{{sha}}", self.set),
            web.get(f"{API}/projects/{{id}}/repository/commits/{{sha}}/statuses", self.all),
        ]

    def shown(self, project: Project, sha: str) -> dict[str, Job]:
        """Return the newest job of each name, which is what people see."""
        return {
            each.name: each for each in self.jobs if (each.project, each.sha) == (project.id, sha)
        }

    async def set(self, request: web.Request) -> web.Response:
        """Make or change a job."""
        project = self.doors.project(request, DEVELOPER)
        said, sha = await said_of(request), request.match_info["sha"]
        self._valid(said)
        if not _has(project, sha):
            raise Said(404, "404 Commit Not Found")
        ref = said.get("ref") or _branch_of(project, sha)
        if ref is None:
            raise Said(404, "404 References for commit Not Found")
        name = said.get("name") or said.get("context") or "default"
        job = self.shown(project, sha).get(name)
        if job is None or job.status not in OPEN:
            job = Job(self.world.next(), project.id, sha, ref, name, "created", None, None, [])
            self.jobs.append(job)
        self._turn(job, said["state"])
        job.description = said.get("description", job.description)
        job.target_url = said.get("target_url", job.target_url)
        return web.json_response(_shown(job), status=201)

    async def all(self, request: web.Request) -> web.Response:
        """Return a commit's newest jobs, or all."""
        project = self.doors.project(request, REPORTER)
        sha = request.match_info["sha"]
        found = list(self.shown(project, sha).values())
        if request.query.get("all") == "true":
            found = [each for each in self.jobs if (each.project, each.sha) == (project.id, sha)]
        return page_of(request, [_shown(each) for each in found])

    def _turn(self, job: Job, state: str) -> None:
        back = job.status == "running" and state == "pending"
        if job.status == state or back:
            event = EVENTS.get(state, state)
            said = f"Cannot transition status via :{event} from :{job.status}"
            self.refused.append(said)
            raise Said(400, f'{said} (Reason(s): Status cannot transition via "{event}")')
        job.status = state
        job.said.append(state)

    def _valid(self, said: dict[str, Any]) -> None:
        """Refuse what GitLab refuses; complain of what it would pass over."""
        for name in said.keys() - FIELDS.keys():
            self.world.complain(f"a status has no field {name}")
        for name, kind in FIELDS.items():
            if name in said and not isinstance(said[name], kind):
                raise Said(400, "", error=f"{name} is invalid")
        if "state" not in said:
            raise Said(400, "", error="state is missing, state does not have a valid value")
        if said["state"] not in STATES:
            raise Said(400, "", error="state does not have a valid value")
        for name in ("description", "ref", "name"):
            if len(said.get(name, "")) > 255:
                raise Said(400, {name: ["is too long (maximum is 255 characters)"]})
        if urlsplit(said.get("target_url", "http://x")).scheme not in ("http", "https"):
            raise Said(400, {"target_url": ["is blocked: Only allowed schemes are http, https"]})


def _shown(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "sha": job.sha,
        "ref": job.ref,
        "status": job.status,
        "name": job.name,
        "description": job.description,
        "target_url": job.target_url,
        "coverage": None,
        "allow_failure": False,
        "author": {"id": 1, "username": "pushline"},
    }


def _has(project: Project, sha: str) -> bool:
    asked = ["git", "cat-file", "-e", f"{sha}^{{commit}}"]
    done = subprocess.run(asked, cwd=project.folder, capture_output=True, check=False)
    return done.returncode == 0


def _branch_of(project: Project, sha: str) -> str | None:
    """Return a branch that has the commit."""
    asked = ["git", "for-each-ref", "--contains", sha, "--format=%(refname:short)", "refs/heads"]
    done = subprocess.run(asked, cwd=project.folder, capture_output=True, text=True, check=True)
    return next(iter(done.stdout.split()), None)
