"""The client of GitLab's API, in front of a GitLab that is as strict as its documentation."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from consumers.forges.asking import Answer, ForgeRefused, ForgeUnavailable
from consumers.forges.clones import Clones
from consumers.forges.gitlab.api import Api
from consumers.forges.gitlab.clones import GitLabClones
from consumers.forges.gitlab.limits import SOON, Limits
from consumers.source.fetch import fetch
from consumers.source.limits import Refused, SourceSettings
from consumers.source.remote import ForgeRemotes
from schemas.envelope import Aggregate
from schemas.repository import Repository
from tests.heavy.forges.gitlab.played import Played
from tests.heavy.forges.gitlab.state import User

MINUTE = 60.0


class Desk:
    """A client whose user owns a few projects; its clock stands still unless it is turned."""

    def __init__(self, gitlab: Played, projects: int = 3) -> None:
        self.now = 1_800_000_000.0
        self.gitlab = gitlab
        self.world = gitlab.world
        self.world.clock = self.clock
        self.alice: User = self.world.user("alice")
        self.projects = [self.world.project(f"a/p{n}", by=self.alice) for n in range(projects)]
        self.token = self.world.token(self.alice)
        self.api = Api(gitlab.url, self.token, clock=self.clock)

    def clock(self) -> float:
        """Return the time, GitLab's and ours."""
        return self.now

    async def ids(self, **query: str) -> list[int]:
        """Return the ids of all projects, page by page."""
        pages = self.api.pages("/projects", query={"per_page": "2", **query})
        return [row["id"] async for page in pages for row in page.body]


@pytest.fixture
async def desk(gitlab_api: Played) -> AsyncIterator[Desk]:
    """Yield a client and its GitLab."""
    made = Desk(gitlab_api)
    yield made
    await made.api.close()


@pytest.mark.parametrize(
    "query", [{}, {"pagination": "keyset", "order_by": "id"}, {"membership": "true"}]
)
async def test_a_list_is_read_to_its_end(desk: Desk, query: dict[str, str]) -> None:
    """By offset and by keyset; each row once."""
    assert sorted(await desk.ids(**query)) == [each.id for each in desk.projects]


async def test_pages_that_have_not_changed_are_not_sent_again(desk: Desk) -> None:
    """A second look costs answers without bodies; what has changed is seen."""
    before = await desk.ids()
    again = await desk.ids()
    unchanged = desk.gitlab.doors.unchanged
    desk.world.project("a/new", by=desk.alice)

    assert again == before
    assert unchanged == 2
    assert len(await desk.ids()) == len(before) + 1


async def test_a_limit_that_is_reached_is_kept_to(desk: Desk) -> None:
    """Nothing is sent until GitLab says, which complains otherwise; then it goes on."""
    desk.gitlab.doors.limit = 2
    await desk.ids()

    with pytest.raises(ForgeUnavailable) as raised:
        await desk.ids()
    sent = len(desk.gitlab.doors.calls)
    with pytest.raises(ForgeUnavailable):
        await desk.api.request("GET", "/user")

    assert 0 < raised.value.after <= MINUTE
    assert len(desk.gitlab.doors.calls) == sent
    desk.now += MINUTE
    assert (await desk.api.request("GET", "/user")).status == 200


@pytest.mark.parametrize("status", [404, 500, 502, 503])
async def test_a_page_in_gitlab_s_place_is_no_answer(desk: Desk, status: int) -> None:
    """Whatever stands before GitLab answers in HTML, even a 404."""
    desk.gitlab.doors.down = status

    with pytest.raises(ForgeUnavailable):
        await desk.api.request("GET", f"/projects/{desk.projects[0].id}")


@pytest.mark.parametrize(
    ("scopes", "cure"), [((), "PUSHLINE_GITLAB_TOKEN"), (("read_user",), "scope api")]
)
async def test_a_token_that_is_not_enough(desk: Desk, scopes: tuple[str, ...], cure: str) -> None:
    """The hint says what to make; the token stands in nothing that people read."""
    text = desk.world.token(desk.alice, *scopes) if scopes else "glpat-revoked"
    api = Api(desk.gitlab.url, text)

    with pytest.raises(ForgeRefused) as raised:
        await api.request("GET", "/projects/1")

    await api.close()
    assert cure in raised.value.hint
    assert text not in f"{raised.value!r} {raised.value.hint} {api!r}"


async def test_what_is_about_the_thing_asked_is_an_answer(desk: Desk) -> None:
    """A 404 of GitLab itself, and a branch's name with a slash, quoted."""
    shop = desk.projects[0]
    desk.world.push(shop, "feature/x", {"a": "1"}, by=desk.alice)
    branches = f"/projects/{shop.id}/repository/branches"

    gone = await desk.api.request("GET", "/projects/4711")
    found = await desk.api.request("GET", f"{branches}/feature%2Fx")

    assert (gone.status, gone.body) == (404, {"message": "404 Project Not Found"})
    assert found.body["name"] == "feature/x"
    assert "GitLab's" not in repr(found)


async def test_the_token_goes_nowhere_else() -> None:
    """Neither after a redirect, nor along a link that leads to somebody else."""
    strangers: list[str] = []

    async def stranger(request: web.Request) -> web.Response:
        strangers.append(request.headers.get("Authorization", ""))
        return web.json_response([])

    other = web.Application()
    other.router.add_get("/{any:.*}", stranger)

    async def listed(request: web.Request) -> web.Response:
        if request.path.endswith("/moved"):
            raise web.HTTPMovedPermanently(elsewhere)
        if "page" in request.query:
            return web.json_response([2])
        link = f'<{elsewhere}?page=2>; rel="next", <{elsewhere}?page=9>; rel="last"'
        return web.json_response([1], headers={"Link": link})

    mine = web.Application()
    mine.router.add_get("/{any:.*}", listed)
    async with TestServer(other) as theirs, TestServer(mine) as ours:
        elsewhere = str(theirs.make_url("/api/v4/projects"))
        api = Api(str(ours.make_url("/")), "glpat-secret")
        with pytest.raises(ForgeUnavailable, match="leads elsewhere"):
            await api.request("GET", "/moved")
        rows = [row async for page in api.pages("/projects") for row in page.body]
        await api.close()

    assert rows == [1, 2]
    assert strangers == []


async def test_a_list_that_leads_to_itself_ends() -> None:
    """A proxy's mistake keeps nobody busy for ever."""

    async def listed(request: web.Request) -> web.Response:
        return web.json_response([1], headers={"Link": f'<{request.url}>; rel="next"'})

    application = web.Application()
    application.router.add_get("/{any:.*}", listed)
    async with TestServer(application) as server:
        api = Api(str(server.make_url("/")))
        with pytest.raises(ForgeUnavailable, match="does not end"):
            async for _ in api.pages("/projects"):
                pass
        await api.close()


@pytest.mark.parametrize(
    ("url", "ours"),
    [
        ("https://git.example.com/gitlab/a/b.git", True),
        ("https://git.example.com:443/gitlab/a/b.git", True),
        ("https://GIT.example.com/gitlab/a/b.git", True),
        ("http://git.example.com/gitlab/a/b.git", False),
        ("https://git.example.com/other/a/b.git", False),
        ("https://git.example.com/gitlabs/a/b.git", False),
        ("https://git.example.com.evil.example/gitlab/a/b.git", False),
        ("https://git.example.com:8443/gitlab/a/b.git", False),
        ("https://git.example.com/gitlab/eve/b.git", False),
        ("https://git.example.com/gitlab/eve/a/b.git", False),
        ("https://git.example.com/gitlab/a/b.git/../../eve/b.git", False),
    ],
)
async def test_the_token_clones_from_its_own_gitlab_alone(url: str, *, ours: bool) -> None:
    """A payload may name any host and project: nothing is built in another one's place."""
    clones = GitLabClones("https://git.example.com/gitlab", "glpat-secret")
    repository = Repository("a", "b", "main", clone_url=url, private=True)

    if ours:
        assert await clones.headers("1", repository)
    else:
        with pytest.raises(ForgeRefused, match=r"of a/b, and its clone URL is not that of"):
            await clones.headers("1", repository)
    assert "glpat-secret" not in repr(clones)


async def test_a_foreign_clone_url_ends_the_run() -> None:
    """Whoever pushed reads why, and nothing is fetched."""
    clones: dict[str, Clones] = {"gitlab": GitLabClones("https://git.example.com", "glpat-secret")}
    remotes = ForgeRemotes(local=str, token=str, clones=clones)
    repository = Repository("a", "b", "main", clone_url="https://evil.example/a/b.git")

    with pytest.raises(Refused) as raised:
        await remotes(Aggregate("gitlab", "1", "run", "r"), repository)

    assert "PUSHLINE_GITLAB_URL" in raised.value.problems[0].cure


async def test_a_private_project_is_cloned(desk: Desk) -> None:
    """By the very token that asks the API; without a token it is hidden from us."""
    shop = desk.projects[0]
    sha = desk.world.push(shop, "main", {"stack.yml": "version: 1.0\n"}, by=desk.alice)
    repository = Repository("a", "p0", "main", f"{desk.gitlab.url}/a/p0.git", private=True)

    def remotes(clones: dict[str, Clones]) -> ForgeRemotes:
        return ForgeRemotes(local=str, token=str, clones=clones)

    of = Aggregate("gitlab", str(shop.id), "run", "1")
    opened = await remotes({"gitlab": GitLabClones(desk.gitlab.url, desk.token)})(of, repository)
    closed = await remotes({})(of, repository)

    assert (await fetch(opened, "main", "", SourceSettings())).sha == sha
    with pytest.raises(Refused, match="refused our credentials"):
        await fetch(closed, "main", "", SourceSettings())


@pytest.mark.parametrize(
    ("headers", "left"),
    [
        ({"retry-after": "30"}, 30.0),
        ({"ratelimit-reset": "1020"}, 20.0),
        ({}, 60.0),
        ({"retry-after": "999999"}, 3600.0),
        ({"retry-after": "soon"}, 60.0),
    ],
)
async def test_how_long_a_refusal_holds(headers: dict[str, str], left: float) -> None:
    """As it says, by either header; a minute where it says nothing; never for days."""
    limits = Limits(lambda: 1000.0)

    with pytest.raises(ForgeUnavailable) as raised:
        limits.heard(Answer(429, None, headers))

    assert raised.value.after == left
    with pytest.raises(ForgeUnavailable):
        await limits.wait()


async def test_a_limit_that_is_soon_over_is_waited_for() -> None:
    """Nobody is sent away for a second or two."""
    now = [1000.95]
    limits = Limits(lambda: now[0])
    limits.heard(Answer(200, None, {"ratelimit-remaining": "0", "ratelimit-reset": "1001"}))
    waiting = asyncio.create_task(limits.wait())
    await asyncio.sleep(0)

    assert not waiting.done()
    now[0] += SOON
    await asyncio.wait_for(waiting, 5)


async def test_a_limit_that_came_meanwhile_holds_for_who_waits() -> None:
    """Whoever slept out one limit does not run into the next."""
    limits = Limits(lambda: 1000.95)
    limits.heard(Answer(200, None, {"ratelimit-remaining": "0", "ratelimit-reset": "1001"}))
    waiting = asyncio.create_task(limits.wait())
    await asyncio.sleep(0)

    limits.heard(Answer(200, None, {"ratelimit-remaining": "0", "ratelimit-reset": "1060"}))

    with pytest.raises(ForgeUnavailable):
        await asyncio.wait_for(waiting, 5)
