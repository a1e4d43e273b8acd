"""Check runs of the App, as https://docs.github.com/rest/checks/runs has them.

Whatever GitHub refuses is refused with its status; what it would pass over is complained of.
"""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from tests.heavy.forges.github.doors import Doors, Said, said_of
from tests.heavy.forges.github.paging import page_of
from tests.heavy.forges.github.world import Repository, World

STATUSES = ("queued", "in_progress", "completed")
CONCLUSIONS = (
    "action_required",
    "cancelled",
    "failure",
    "neutral",
    "success",
    "skipped",
    "timed_out",
)
LEVELS = ("notice", "warning", "failure")
FIELDS = {
    "name": str,
    "head_sha": str,
    "details_url": str,
    "external_id": str,
    "status": str,
    "started_at": str,
    "conclusion": str,
    "completed_at": str,
    "output": dict,
    "actions": list,
}
OUTPUT = {"title": str, "summary": str, "text": str, "annotations": list, "images": list}
ACTION = {"label": 20, "description": 40, "identifier": 20}
LARGEST = 65_535
AT_ONCE = 50  # annotations


@dataclass
class CheckRun:
    """A check run; ``said`` is each status and conclusion that it had."""

    id: int
    repository: int
    head_sha: str
    name: str
    app: int
    status: str = "queued"
    conclusion: str | None = None
    fields: dict[str, Any] = field(default_factory=dict)
    annotations: list[dict[str, Any]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    @property
    def state(self) -> str:
        """Return what people see first."""
        return self.conclusion or self.status


class Checks:
    """Answers under ``check-runs`` of a repository and its commits."""

    def __init__(self, world: World, doors: Doors) -> None:
        self.world = world
        self.doors = doors
        self.runs: dict[int, CheckRun] = {}
        self.ids = count(90_001)

    def routes(self) -> list[web.RouteDef]:
        """Return what it answers."""
        found = []
        for start in ("/api/v3/repos/{owner}/{repo}", "/api/v3/repositories/{id:\\d+}"):
            found += [
                web.post(f"{start}/check-runs", self.make),
                web.get(f"{start}/check-runs/{{check:\\d+}}", self.show),
                web.patch(f"{start}/check-runs/{{check:\\d+}}", self.change),
                web.get(f"{start}/commits/{{sha}}/check-runs", self.of_commit),
                web.get(f"{start}/check-suites/{{suite:\\d+}}/check-runs", self.of_suite),
            ]
        return found

    def of(self, repository: Repository, sha: str) -> dict[str, list[CheckRun]]:
        """Return the check runs of a commit, by name."""
        found: dict[str, list[CheckRun]] = {}
        for run in list(self.runs.values()):  # another thread may be making one
            if (run.repository, run.head_sha) == (repository.id, sha):
                found.setdefault(run.name, []).append(run)
        return found

    def made(self, repository: Repository, sha: str, name: str, app: int = 0) -> CheckRun:
        """Make one, of our App or another."""
        run = CheckRun(next(self.ids), repository.id, sha, name, app or self.world.app_id)
        self.runs[run.id] = run
        return run

    async def make(self, request: web.Request) -> web.Response:
        """Make a check run."""
        repository = self.doors.repository(request, "checks", "write")
        said = await said_of(request)
        for name in ("name", "head_sha"):
            if name not in said:
                raise Said(422, f'Invalid request.\n\n"{name}" wasn\'t supplied.')
        if not has(repository, said["head_sha"]):
            raise Said(422, f"No commit found for SHA: {said['head_sha']}")
        self._valid(said)
        run = self.made(repository, said["head_sha"], said["name"])
        self._take(run, said)
        return web.json_response(self.shown(run), status=201)

    async def change(self, request: web.Request) -> web.Response:
        """Change one."""
        run = self._run(request, "write")
        if run.app != self.world.app_id:
            raise Said(403, f"Invalid app_id `{run.app}` - it is of another App")
        said = await said_of(request)
        self._valid(said)
        self._take(run, said)
        return web.json_response(self.shown(run))

    async def show(self, request: web.Request) -> web.Response:
        """Return one."""
        return web.json_response(self.shown(self._run(request, "read")))

    async def of_commit(self, request: web.Request) -> web.Response:
        """Return a commit's, the latest of each name unless all are asked for."""
        repository = self.doors.repository(request, "checks", "read")
        sha, wanted = request.match_info["sha"], request.query.get("filter", "latest")
        if not has(repository, sha):
            raise Said(422, f"No commit found for SHA: {sha}")
        if wanted not in ("latest", "all"):
            raise Said(422, "Invalid filter")
        named = request.query.get("check_name")
        found: list[CheckRun] = []
        for name, runs in self.of(repository, sha).items():
            if named in (None, name):
                found += runs if wanted == "all" else runs[-1:]
        return page_of(request, [self.shown(run) for run in found], "check_runs")

    async def of_suite(self, request: web.Request) -> web.Response:
        """Return the latest of each name in a suite, which has one App's checks of a commit."""
        repository = self.doors.repository(request, "checks", "read")
        about = self.world.suites.get(int(request.match_info["suite"]))
        if about is None or about[0] != repository.id:
            raise Said(404, "Not Found")
        named = self.of(repository, about[1]).values()
        ours = [each for runs in named for each in runs[-1:] if each.app == self.world.app_id]
        return page_of(request, [self.shown(run) for run in ours], "check_runs")

    def shown(self, run: CheckRun) -> dict[str, Any]:
        """Return a check run as answers and webhooks show it."""
        output = run.fields.get("output", {})
        return {
            "id": run.id,
            "name": run.name,
            "head_sha": run.head_sha,
            "external_id": run.fields.get("external_id", ""),
            "details_url": run.fields.get("details_url", ""),
            "status": run.status,
            "conclusion": run.conclusion,
            "started_at": run.fields.get("started_at"),
            "completed_at": run.fields.get("completed_at"),
            "output": {
                "title": output.get("title"),
                "summary": output.get("summary"),
                "text": output.get("text"),
                "annotations_count": len(run.annotations),
            },
            "app": {
                "id": run.app,
                "client_id": self.world.client_id if run.app == self.world.app_id else "Iv1.other",
                "slug": "played",
            },
            "pull_requests": [],
        }

    def _run(self, request: web.Request, level: str) -> CheckRun:
        repository = self.doors.repository(request, "checks", level)
        run = self.runs.get(int(request.match_info["check"]))
        if run is None or run.repository != repository.id:
            raise Said(404, "Not Found")
        return run

    def _take(self, run: CheckRun, said: dict[str, Any]) -> None:
        """Change what is said; annotations are added to those that are there."""
        run.name = said.get("name", run.name)
        if "conclusion" in said:
            run.status, run.conclusion = "completed", said["conclusion"]
        elif "status" in said:
            run.status, run.conclusion = said["status"], None
        run.annotations += said.get("output", {}).get("annotations", [])
        run.fields |= {name: value for name, value in said.items() if name in FIELDS}
        run.said.append(run.state)

    def _valid(self, said: dict[str, Any]) -> None:
        """Refuse what GitHub refuses."""
        self._typed(said, FIELDS, "")
        one_of(said.get("status", "queued"), STATUSES, "status")
        one_of(said.get("conclusion", "success"), CONCLUSIONS, "conclusion")
        if said.get("status") == "completed" and "conclusion" not in said:
            raise Said(422, 'Invalid request.\n\n"conclusion" is required when completed.')
        web_address(said.get("details_url", "https://x"), "details_url")
        for name in ("started_at", "completed_at"):
            if name in said:
                datetime.strptime(said[name], "%Y-%m-%dT%H:%M:%SZ")  # noqa: DTZ007 - shape only
        if len(said.get("actions", [])) > 3:
            raise Said(422, "Invalid request.\n\nNo more than 3 items are allowed in actions.")
        for action in said.get("actions", []):
            self._typed(action, dict.fromkeys(ACTION, str), "actions/")
            for name, most in ACTION.items():
                if len(action[name]) > most:
                    raise Said(422, f"{name} exceeds a maximum length of {most}")
        if "output" in said:
            self._output(said["output"])

    def _output(self, output: dict[str, Any]) -> None:
        self._typed(output, OUTPUT, "output/")
        for name in ("title", "summary"):
            if not output.get(name):
                raise Said(422, f'Invalid request.\n\n"{name}" wasn\'t supplied.')
        for name in ("summary", "text"):
            if len(output.get(name, "").encode()) > LARGEST:
                raise Said(422, f"Only {LARGEST} characters are allowed; {name} has more.")
        if len(output.get("annotations", [])) > AT_ONCE:
            raise Said(422, f"No more than {AT_ONCE} items are allowed in annotations.")
        for one in output.get("annotations", []):
            for name in ("path", "start_line", "end_line", "annotation_level", "message"):
                if not one.get(name):
                    raise Said(422, f'Invalid request.\n\n"{name}" wasn\'t supplied.')
            one_of(one["annotation_level"], LEVELS, "annotation_level")
            if len(one.get("title", "")) > 255 or len(one["message"].encode()) > 64 * 1024:
                raise Said(422, "An annotation is too long.")

    def _typed(self, said: dict[str, Any], fields: Mapping[str, type], where: str) -> None:
        for name, value in said.items():
            if name not in fields:
                raise Said(422, f'Invalid request.\n\n"{where}{name}" is not a permitted key.')
            if not isinstance(value, fields[name]):
                raise Said(422, f"Invalid request.\n\nFor '{where}{name}', {value!r} is no value.")


def has(repository: Repository, sha: str) -> bool:
    """Tell whether a repository has a commit."""
    if repository.folder is None:
        return False
    asked = ["git", "cat-file", "-e", f"{sha}^{{commit}}"]
    done = subprocess.run(asked, cwd=repository.folder, capture_output=True, check=False)
    return done.returncode == 0


def one_of(value: str, values: tuple[str, ...], name: str) -> None:
    """Refuse another value."""
    if value not in values:
        raise Said(422, f"Invalid request.\n\n{value} is not a member of {values}: {name}")


def web_address(url: str, name: str) -> None:
    """Refuse what is no address of the web."""
    if urlsplit(url).scheme not in ("http", "https"):
        raise Said(422, f"{name} must be a URL with the scheme http or https")
