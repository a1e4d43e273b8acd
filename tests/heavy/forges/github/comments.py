"""Comments of pull requests, as https://docs.github.com/rest/issues/comments has them."""

from dataclasses import dataclass
from itertools import count
from typing import Any

from aiohttp import web

from tests.heavy.forges.github.doors import Doors, Said, said_of
from tests.heavy.forges.github.paging import page_of
from tests.heavy.forges.github.state import PullRequest
from tests.heavy.forges.github.world import Repository, World
from tests.heavy.forges.markdown import acts

LARGEST = 65_536  # characters


@dataclass
class Comment:
    """One comment; ``said`` is each text that it had, ``app`` whether our App has written it."""

    id: int
    repository: int
    number: int
    said: list[str]
    author: str
    app: bool = False


class Comments:
    """Answers under ``issues``, which pull requests are, too."""

    def __init__(self, world: World, doors: Doors) -> None:
        self.world = world
        self.doors = doors
        self.comments: dict[int, Comment] = {}
        self.locked: set[tuple[int, int]] = set()  # repository, number
        self.ids = count(3_000_001)

    def routes(self) -> list[web.RouteDef]:
        """Return what it answers."""
        found = []
        for start in ("/api/v3/repos/{owner}/{repo}", "/api/v3/repositories/{id:\\d+}"):
            issue, one = f"{start}/issues/{{number:\\d+}}", f"{start}/issues/comments/{{one:\\d+}}"
            found += [
                web.get(issue, self.issue),
                web.get(f"{issue}/comments", self.all),
                web.post(f"{issue}/comments", self.make),
                web.get(one, self.show),
                web.patch(one, self.change),
                web.delete(one, self.remove),
            ]
        return found

    def of(self, repository: Repository, number: int, *, ours: bool = True) -> list[Comment]:
        """Return a pull request's comments by the App, or all."""
        return [
            each
            for each in self.comments.values()
            if (each.repository, each.number) == (repository.id, number) and (each.app or not ours)
        ]

    def say(self, repository: Repository, number: int, text: str, *, by: str) -> Comment:
        """Have a person write a comment."""
        made = Comment(next(self.ids), repository.id, number, [text], by)
        self.comments[made.id] = made
        return made

    def delete(self, comment: Comment) -> None:
        """Have a person delete one."""
        del self.comments[comment.id]

    async def issue(self, request: web.Request) -> web.Response:
        """Return a pull request, as an issue."""
        repository = self._enter(request, "read")
        pull = self._pull(request, repository)
        return web.json_response({"number": pull.number, "state": pull.state, "pull_request": {}})

    async def all(self, request: web.Request) -> web.Response:
        """Return the comments, by their ids."""
        repository = self._enter(request, "read")
        number = self._pull(request, repository).number
        found = self.of(repository, number, ours=False)
        return page_of(request, [self._shown(each) for each in found])

    async def make(self, request: web.Request) -> web.Response:
        """Add a comment."""
        repository = self._enter(request, "write")
        number, body = self._pull(request, repository).number, _body(await said_of(request))
        if (repository.id, number) in self.locked:
            raise Said(403, "Unable to create comment because issue is locked.")
        made = Comment(next(self.ids), repository.id, number, [], "played[bot]", app=True)
        self.comments[made.id] = made
        self._take(made, body)
        return web.json_response(self._shown(made), status=201)

    async def show(self, request: web.Request) -> web.Response:
        """Return one comment."""
        return web.json_response(self._shown(self._one(request, "read")))

    async def change(self, request: web.Request) -> web.Response:
        """Replace a comment's text."""
        comment, body = self._one(request, "write"), _body(await said_of(request))
        if not comment.app:
            raise Said(403, "Resource not accessible by integration")
        self._take(comment, body)
        return web.json_response(self._shown(comment))

    async def remove(self, request: web.Request) -> web.Response:
        """Delete a comment."""
        self.delete(self._one(request, "write"))
        return web.Response(status=204)

    def _enter(self, request: web.Request, level: str) -> Repository:
        """Let an installation in that may do this: either permission will do."""
        try:
            return self.doors.repository(request, "pull_requests", level)
        except Said as said:
            if "X-Accepted-GitHub-Permissions" not in said.headers:
                raise
            accepted = f"issues={level}; pull_requests={level}"
            said.headers["X-Accepted-GitHub-Permissions"] = accepted
            raise

    def _pull(self, request: web.Request, repository: Repository) -> PullRequest:
        found = repository.pulls.get(int(request.match_info["number"]))
        if found is None:
            raise Said(404, "Not Found")
        return found

    def _one(self, request: web.Request, level: str) -> Comment:
        repository = self._enter(request, level)
        found = self.comments.get(int(request.match_info["one"]))
        if found is None or found.repository != repository.id:
            raise Said(404, "Not Found")
        return found

    def _take(self, comment: Comment, body: str) -> None:
        for each in acts(body):
            self.world.complain(f"a comment does something: {each}")
        comment.said.append(body)

    def _shown(self, comment: Comment) -> dict[str, Any]:
        world = self.world
        app = {"id": world.app_id, "client_id": world.client_id, "slug": "played"}
        return {
            "id": comment.id,
            "body": comment.said[-1],
            "user": {"login": comment.author, "type": "Bot" if comment.app else "User"},
            "performed_via_github_app": app if comment.app else None,
        }


def _body(said: dict[str, Any]) -> str:
    """Return the text; refuse what GitHub refuses."""
    if said.keys() != {"body"} or not isinstance(said["body"], str):
        raise Said(422, "Invalid request.\n\nFor 'properties/body', nil is not a string.")
    if not said["body"].strip():
        raise Said(422, "Validation Failed: body can't be blank")
    if len(said["body"]) > LARGEST:
        raise Said(422, f"Validation Failed: body is too long (maximum is {LARGEST} characters)")
    return str(said["body"])
