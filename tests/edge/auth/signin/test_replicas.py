"""The pages of two replicas on one log: what one has used up, the other refuses."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from prometheus_client import REGISTRY

from bus.connection import Bus
from edge.auth.device import Devices
from edge.auth.door import Door
from edge.auth.room import Auth
from edge.auth.signin import onetime
from edge.auth.signin.application import SignIn
from edge.auth.signin.cookies import Cookies
from edge.auth.signin.github import GitHub
from edge.auth.signin.lobby import Lobby
from edge.auth.signin.places import Places
from edge.auth.signin.provider import Provider
from edge.auth.signin.seals import Seals
from schemas.events.grant import GrantRedeemed
from schemas.events.session import SessionSignedIn
from tests.edge.auth.office import office
from tests.heavy.identity.github import PlayedGitHub

SYSTEM = "http://system.localhost"
FUNCTION = "http://alice.localhost"


@dataclass
class Pages:
    """Two replicas, and the browsers that they see."""

    one: SignIn
    other: SignIn
    seals: Seals

    def browser(self, replica: SignIn) -> httpx.AsyncClient:
        """Return a browser, which does not follow redirects by itself."""
        transport = httpx.ASGITransport(app=replica, client=("192.0.2.7", 1))
        return httpx.AsyncClient(transport=transport, base_url=SYSTEM)


def pages_of(auth: Auth, seals: Seals, providers: dict[str, Provider]) -> SignIn:
    """Return the pages of one replica."""
    places = Places.of(
        "http://localhost",
        "localhost",
        tenant=lambda label: label == "alice",
        mapped=lambda _: False,
    )
    door = Door(auth, Door.own_hosts("localhost"))
    devices = Devices(auth.desk.events, auth.desk)
    cookies = Cookies(auth.settings)
    return SignIn(Lobby(auth, door, places, providers, seals, cookies, devices))


@pytest.fixture
async def pages(bus: Bus, github: PlayedGitHub, tmp_path: Path) -> AsyncIterator[Pages]:
    """Yield two replicas that know a GitHub with alice in it."""
    client = github.client("ours", f"{SYSTEM}/login/callback/github")
    github.account(7, "alice")
    provider = GitHub(github.url, client.id, client.secret)
    seals = Seals(tmp_path / "keys")
    async with AsyncExitStack() as stack:
        auths = [
            await stack.enter_async_context(office(bus, tmp_path / name)) for name in ("a", "b")
        ]
        one, other = (pages_of(auth, seals, {"github": provider}) for auth in auths)
        yield Pages(one, other, seals)


async def come_back(browser: httpx.AsyncClient, github: PlayedGitHub) -> str:
    """Begin at GitHub and approve; return the path and query that its answer leads to."""
    begun = await browser.get("/login/github")
    said = github.visit(begun.headers["location"], "alice")
    return f"/login/callback/github?code={said['code']}&state={said['state']}"


async def count(bus: Bus, kind: type[SessionSignedIn | GrantRedeemed]) -> int:
    """Return how many of these facts are in the log."""
    events = bus.follow.events(after=0, until=await bus.log.head())
    return len([event async for event in events if isinstance(event.fact, kind)])


def counted(name: str, **labels: str) -> float:
    """Return what an instrument counts."""
    return REGISTRY.get_sample_value(name, labels) or 0.0


@pytest.mark.weakness(9)
async def test_what_began_at_one_replica_ends_at_another_once(
    pages: Pages, github: PlayedGitHub, bus: Bus
) -> None:
    """The cookie carries the attempt; the log says who was first."""
    async with pages.browser(pages.one) as begun, pages.browser(pages.other) as ended:
        back = await come_back(begun, github)
        ended.cookies = httpx.Cookies(begun.cookies)
        first = await ended.get(back)
        github.codes[back.partition("code=")[2].partition("&")[0]].used = False  # a forgetful one
        again = await begun.get(back)

    assert (first.status_code, first.headers["location"]) == (303, "/")
    assert "pushline" in ended.cookies
    assert (again.status_code, "used already" in again.text) == (409, True)
    assert await count(bus, SessionSignedIn) == 1


async def test_a_link_is_used_once_among_replicas(pages: Pages, bus: Bus) -> None:
    """Two browsers at two replicas: one is the operator's, and both are counted."""
    before = counted("pushline_sessions_begun_total", via="link")
    url = urlsplit(onetime.make(pages.seals, SYSTEM))
    form = {"link": httpx.QueryParams(url.query)["link"]}
    headers = {"Origin": SYSTEM}
    async with pages.browser(pages.one) as one, pages.browser(pages.other) as other:
        answers = [await each.post(url.path, data=form, headers=headers) for each in (one, other)]

    assert [answer.status_code for answer in answers] == [303, 409]
    assert counted("pushline_sessions_begun_total", via="link") == before + 1
    assert counted("pushline_sign_ins_refused_total", code="attempt_used") >= 1
    assert await count(bus, SessionSignedIn) == 1


async def test_a_grant_is_redeemed_once_among_replicas(
    pages: Pages, github: PlayedGitHub, bus: Bus
) -> None:
    """Also in the very browser that it is for, whose nonce is still there."""
    async with pages.browser(pages.one) as browser, pages.browser(pages.other) as later:
        asked = await browser.get(f"{FUNCTION}/.pushline/login?r=/a%3Fb")
        await browser.get(await come_back(browser, github))
        granted = (await browser.get(asked.headers["location"])).headers["location"]
        assert granted.startswith(f"{FUNCTION}/.pushline/session?grant=")
        later.cookies = httpx.Cookies(browser.cookies)
        first, again = await browser.get(granted), await later.get(granted)

    assert (first.status_code, first.headers["location"]) == (303, "/a?b")
    assert (again.status_code, "used already" in again.text) == (400, True)
    assert await count(bus, GrantRedeemed) == 1


async def test_other_names_of_ours_lead_to_the_one_that_counts(pages: Pages) -> None:
    """Localhost is ours, and its cookies are not; a name of nobody's is refused."""
    async with pages.browser(pages.one) as browser:
        moved = await browser.get("http://localhost/login?r=/session")
        foreign = await browser.get("http://evil.example/login")
        changed = await browser.post("http://localhost/logout", headers={"Origin": SYSTEM})
        unknown = await browser.get("http://bob.localhost/.pushline/login?r=/")

    assert (moved.status_code, moved.headers["location"]) == (303, f"{SYSTEM}/login?r=%2Fsession")
    assert (foreign.status_code, changed.status_code, unknown.status_code) == (421, 421, 400)


async def test_without_a_provider_the_page_says_what_to_do(bus: Bus, tmp_path: Path) -> None:
    """And where a provider would lead back to; asked for by name, one is not found."""
    async with office(bus, tmp_path / "a") as auth:
        alone = pages_of(auth, Seals(tmp_path / "keys"), {})
        browser = Pages(alone, alone, alone.lobby.seals).browser(alone)
        page, none = await browser.get("/login"), await browser.get("/login/github")

    assert "pushline link" in page.text
    assert f"{SYSTEM}/login/callback/PROVIDER" in page.text
    assert none.status_code == 404


@pytest.mark.parametrize("path", ["/login/", "/oauth2/authorized?code=a&state=b"])
async def test_the_predecessors_paths_lead_to_sign_in(pages: Pages, path: str) -> None:
    """What is bookmarked shows the page; a code of somewhere else is dropped."""
    async with pages.browser(pages.one) as browser:
        answer = await browser.get(path)

    assert (answer.status_code, "Sign in with GitHub" in answer.text) == (200, True)
    assert not browser.cookies
