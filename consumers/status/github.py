"""What GitHub shows of a commit: check runs, or commit statuses where those are off.

https://docs.github.com/rest/checks/runs, https://docs.github.com/rest/commits/statuses

A check run's identity is its name on a commit: before one is made it is looked for, for whoever
made it may have died before that was written down.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final, Protocol
from urllib.parse import quote

import msgspec

from consumers.forges.asking import Answer, ForgeUnavailable
from consumers.forges.checks import external_id
from consumers.status.report import NotTaken, Report
from consumers.status.standing import Annotation, Standing

ANNOTATIONS: Final = 50  # that GitHub takes at a time
SHOWN: Final = 300  # characters of GitHub's own words
DESCRIPTION: Final = 140  # characters of a commit status
STATES: Final = {
    "success": "success",
    "neutral": "success",
    "failure": "failure",
    "cancelled": "error",
    "action_required": "pending",
}


class Api(Protocol):
    """What is needed of ``consumers.forges.github.api.Api``."""

    async def request(
        self,
        method: str,
        path: str,
        *,
        installation: str = "",
        json: Any = None,
        query: Any = None,
    ) -> Answer:
        """Return GitHub's answer."""
        ...


class _App(msgspec.Struct):
    id: int = 0
    client_id: str = ""


class _Output(msgspec.Struct):
    annotations_count: int = 0


class _Check(msgspec.Struct):
    id: int
    name: str = ""
    app: _App | None = None
    output: _Output = msgspec.field(default_factory=_Output)


class _Checks(msgspec.Struct):
    check_runs: list[_Check]


class Checks:
    """Check runs of a GitHub App; one for each context of a commit."""

    stages: Final = True

    def __init__(self, api: Api, app: str) -> None:
        """Ask as the App ``app``: its id, or its client id."""
        self._api = api
        self._app = app

    def reaches(self, at: Standing) -> bool:
        """Tell whether the App is installed there."""
        return bool(at.repository.installation)

    async def tell(self, at: Standing, report: Report, check: str) -> str:
        """Have one check run show it."""
        there = await self._there(at, report, check)
        body = _body(report)
        if there is not None:  # what it said before must not stay
            body["output"].setdefault("text", "")
        # what GitHub has of them it keeps, and adds to
        notes = _annotations(
            report.text.annotations[there.output.annotations_count if there else 0 :]
        )
        body["output"] |= {"annotations": notes[:ANNOTATIONS]} if notes else {}
        made = await self._sent(at, body, there)
        for begin in range(ANNOTATIONS, len(notes), ANNOTATIONS):
            more = {**body["output"], "annotations": notes[begin : begin + ANNOTATIONS]}
            await self._patched(at, made, {"output": more})
        return str(made)

    async def _sent(self, at: Standing, body: dict[str, Any], there: _Check | None) -> int:
        if there is not None and await self._patched(at, there.id, body):
            return there.id
        path = f"{_repository(at)}/check-runs"
        answer = await self._ask("POST", path, at, {**body, "head_sha": at.sha})
        return _taken(answer, "check run").read(_Check).id

    async def _patched(self, at: Standing, id: int, body: dict[str, Any]) -> bool:
        """Change a check run; False where it is not there any more."""
        answer = await self._ask("PATCH", f"{_repository(at)}/check-runs/{id}", at, body)
        return answer.status != 404 and bool(_taken(answer, "check run"))

    async def _there(self, at: Standing, report: Report, check: str) -> _Check | None:
        """Return the check run that shows this context already, None where none does."""
        if check and not report.text.annotations:
            return _Check(int(check))
        query = {"check_name": report.about.context, "filter": "all", "per_page": "100"}
        path = f"{_repository(at)}/commits/{at.sha}/check-runs"
        answer = await self._api.request(
            "GET", path, installation=at.repository.installation, query=query
        )
        found = [
            one
            for one in _taken(answer, "commit").read(_Checks).check_runs
            if one.name == report.about.context and self._ours(one.app)
        ]
        known = [one for one in found if str(one.id) == check]
        return min(known or found, key=lambda one: one.id, default=None)

    def _ours(self, app: _App | None) -> bool:
        """Tell whether a check run is of our App: others may use our names."""
        return app is not None and self._app in (str(app.id), app.client_id)

    async def _ask(self, method: str, path: str, at: Standing, body: dict[str, Any]) -> Answer:
        installation = at.repository.installation
        return await self._api.request(method, path, installation=installation, json=body)


class Statuses:
    """Commit statuses: a state and one line for each context of a commit."""

    stages: Final = False

    def __init__(self, api: Api) -> None:
        """Ask as a GitHub App."""
        self._api = api

    def reaches(self, at: Standing) -> bool:
        """Tell whether the App is installed there."""
        return bool(at.repository.installation)

    async def tell(self, at: Standing, report: Report, check: str) -> str:  # noqa: ARG002 - has none
        """Add a status, which takes the place of the context's last one."""
        body = {
            "state": STATES.get(report.saying.conclusion, "pending"),
            "context": report.about.context,
            "description": report.text.description[:DESCRIPTION],
        }
        body |= {"target_url": report.url} if report.url else {}
        path, installation = f"{_repository(at)}/statuses/{at.sha}", at.repository.installation
        answer = await self._api.request("POST", path, installation=installation, json=body)
        _taken(answer, "status")
        return ""


def _body(report: Report) -> dict[str, Any]:
    """Return what a check run is to be."""
    saying = report.saying
    body: dict[str, Any] = {
        "name": report.about.context,
        "external_id": external_id(report.about),
        "output": {"title": report.text.title, "summary": report.text.summary},
        "actions": msgspec.to_builtins(list(report.actions)),
        **dict(_times(report)),
    }
    body["output"] |= {"text": report.text.text} if report.text.text else {}
    body |= {"details_url": report.url} if report.url else {}
    if saying.status == "completed":
        return body | {"conclusion": saying.conclusion, "status": "completed"}
    return body | {"status": saying.status}


def _times(report: Report) -> Iterator[tuple[str, str]]:
    if report.started is not None:
        yield "started_at", _time(report.started)
    if report.completed is not None and report.saying.status == "completed":
        yield "completed_at", _time(report.completed)


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _annotations(some: Sequence[Annotation]) -> list[dict[str, Any]]:
    return [
        {
            "path": one.path,
            "start_line": one.line,
            "end_line": one.line,
            "annotation_level": one.level,
            "message": one.message,
            **({"title": one.title} if one.title else {}),
        }
        for one in some
    ]


def _repository(at: Standing) -> str:
    return f"/repos/{quote(at.repository.owner, safe='')}/{quote(at.repository.name, safe='')}"


def _taken(answer: Answer, what: str) -> Answer:
    """Return an answer that is a success; NotTaken for what no repetition makes one."""
    if 200 <= answer.status < 300:
        return answer
    said = answer.body.get("message", "") if isinstance(answer.body, dict) else ""
    if answer.status == 409:
        raise ForgeUnavailable(f"GitHub is busy with that {what}: {said[:SHOWN]}")
    raise NotTaken(f"GitHub takes no {what}: {answer.status} {said[:SHOWN]}".rstrip())
