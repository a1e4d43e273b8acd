"""Notes of merge requests, as https://docs.gitlab.com/api/notes/#merge-requests has them."""

from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tests.heavy.forges.gitlab.doors import API, Doors, Said, said_of
from tests.heavy.forges.gitlab.paging import page_of
from tests.heavy.forges.gitlab.state import MAINTAINER, REPORTER, MergeRequest, Project, User
from tests.heavy.forges.gitlab.world import World
from tests.heavy.forges.markdown import acts

LARGEST = 1_000_000  # characters
FIELDS = {"body", "created_at", "internal", "merge_request_diff_head_sha"}


@dataclass
class Note:
    """One note; ``said`` is each text that it had."""

    id: int
    project: int
    iid: int
    said: list[str]
    author: User
    system: bool = False


class Comments:
    """Answers under ``notes`` of a merge request."""

    def __init__(self, world: World, doors: Doors) -> None:
        self.world = world
        self.doors = doors
        self.notes: dict[int, Note] = {}

    def routes(self) -> list[web.RouteDef]:
        """Return what it answers."""
        start = f"{API}/projects/{{id}}/merge_requests/{{iid:\\d+}}/notes"
        one = f"{start}/{{note:\\d+}}"
        return [
            web.get(start, self.all),
            web.post(start, self.make),
            web.get(one, self.show),
            web.put(one, self.change),
            web.delete(one, self.remove),
        ]

    def of(self, project: Project, iid: int, *, by: User | None = None) -> list[Note]:
        """Return a merge request's notes, or somebody's."""
        return [
            each
            for each in self.notes.values()
            if (each.project, each.iid) == (project.id, iid) and by in (None, each.author)
        ]

    def say(self, project: Project, iid: int, text: str, *, by: User, system: bool = False) -> Note:
        """Have somebody write a note."""
        made = Note(self.world.next(), project.id, iid, [text], by, system)
        self.notes[made.id] = made
        return made

    def delete(self, note: Note) -> None:
        """Have somebody delete one."""
        del self.notes[note.id]

    async def all(self, request: web.Request) -> web.Response:
        """Return the notes, newest first unless asked otherwise."""
        project = self.doors.project(request)
        found = self.of(project, self._merge(request, project).iid)
        found.sort(key=lambda each: each.id, reverse=request.query.get("sort") != "asc")
        return page_of(request, [_shown(each) for each in found])

    async def make(self, request: web.Request) -> web.Response:
        """Add a note."""
        project = self.doors.project(request, REPORTER)
        user, iid = self.doors.enter(request), self._merge(request, project).iid
        made = Note(self.world.next(), project.id, iid, [], user)
        self._take(made, await said_of(request))
        self.notes[made.id] = made
        return web.json_response(_shown(made), status=201)

    async def show(self, request: web.Request) -> web.Response:
        """Return one note."""
        return web.json_response(_shown(self._one(request, self.doors.project(request))))

    async def change(self, request: web.Request) -> web.Response:
        """Replace a note's text."""
        project = self.doors.project(request)
        user, note = self.doors.enter(request), self._one(request, project)
        mine = note.author.id == user.id or self.world.level(user, project) >= MAINTAINER
        if note.system or not mine:
            raise Said(403, "403 Forbidden")
        self._take(note, await said_of(request))
        return web.json_response(_shown(note))

    async def remove(self, request: web.Request) -> web.Response:
        """Delete a note."""
        project = self.doors.project(request)
        user, note = self.doors.enter(request), self._one(request, project)
        if note.author.id != user.id and self.world.level(user, project) < MAINTAINER:
            raise Said(403, "403 Forbidden")
        self.delete(note)
        return web.Response(status=204)

    def _merge(self, request: web.Request, project: Project) -> MergeRequest:
        found = project.merges.get(int(request.match_info["iid"]))
        if found is None:
            raise Said(404, "404 Merge Request Not Found")
        return found

    def _one(self, request: web.Request, project: Project) -> Note:
        iid = self._merge(request, project).iid
        found = self.notes.get(int(request.match_info["note"]))
        if found is None or (found.project, found.iid) != (project.id, iid):
            raise Said(404, "404 Note Not Found")
        return found

    def _take(self, note: Note, said: dict[str, Any]) -> None:
        """Take a text, unless GitLab refuses it."""
        for name in said.keys() - FIELDS:
            self.world.complain(f"a note has no field {name}")
        body = said.get("body")
        if not isinstance(body, str):
            raise Said(400, "", error="body is missing")
        if not body.strip():
            raise Said(400, {"note": ["can't be blank"]})
        if len(body) > LARGEST:
            raise Said(400, {"note": [f"is too long (maximum is {LARGEST} characters)"]})
        for each in acts(body):
            self.world.complain(f"a note does something: {each}")
        note.said.append(body)


def _shown(note: Note) -> dict[str, Any]:
    return {
        "id": note.id,
        "body": note.said[-1],
        "author": {"id": note.author.id, "username": note.author.username},
        "system": note.system,
        "noteable_type": "MergeRequest",
        "noteable_iid": note.iid,
        "project_id": note.project,
    }
