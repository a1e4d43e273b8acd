"""The client of GitHub's API, in front of a GitHub that is as strict as its documentation."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from consumers.forges.asking import ForgeRefused, ForgeUnavailable
from consumers.forges.github.api import Api
from consumers.forges.github.app import api_of, app_of
from schemas.errors import SettingInvalid
from tests.consumers.forges.app_desk import AT_ONCE, Desk
from tests.heavy.forges.github.doors import Said
from tests.heavy.forges.github.played import Played
from tests.heavy.forges.github.state import pem

MINUTE, HOUR = 60.0, 3600.0


@pytest.fixture
async def desk(github_app: Played) -> AsyncIterator[Desk]:
    """Yield a client and its GitHub."""
    made = Desk(github_app)
    yield made
    await made.api.close()


async def shown(desk: Desk, path: str = "/repos/acme/shop") -> int:
    """Return what GitHub answers to our installation."""
    return (await desk.api.request("GET", path, installation=desk.installation)).status


async def test_a_token_is_shared_until_shortly_before_its_end(desk: Desk) -> None:
    """Twenty who ask at once mint one; it is used for most of its hour, then there is another."""
    await asyncio.gather(*(shown(desk) for _ in range(20)))
    desk.now += HOUR - 6 * MINUTE
    await shown(desk)
    before = desk.minted
    desk.now += 2 * MINUTE

    assert await shown(desk) == 200
    assert (before, desk.minted) == (1, 2)


async def test_a_token_that_died_early_is_replaced(desk: Desk) -> None:
    """Revoked, or from before the App got a permission: once it has some age it is minted anew."""
    await shown(desk)
    desk.world.grants.clear()
    desk.now += 2 * MINUTE

    assert await shown(desk) == 200


async def test_a_token_for_one_repository_opens_no_other(desk: Desk) -> None:
    """It is good for what it was asked for, however much the installation may."""
    desk.world.open_to(desk.installed, desk.other)
    await desk.api.token(desk.installation, (desk.shop.id,), {"contents": "read"})

    (grant,) = desk.world.grants.values()
    assert (grant.reaches(desk.shop), grant.reaches(desk.other)) == (True, False)
    assert grant.permissions == {"contents": "read"}


@pytest.mark.parametrize(
    ("what", "says", "cure"),
    [
        ("uninstalled", "knows no installation", "install the App again"),
        ("closed", "no token for contents: read", "open the repository"),
    ],
)
async def test_no_token(desk: Desk, what: str, says: str, cure: str) -> None:
    """Why there is none, and what to do."""
    if what == "uninstalled":
        desk.world.uninstall(desk.installed)
    else:
        desk.world.close_to(desk.installed, desk.shop)

    with pytest.raises(ForgeRefused) as raised:
        await desk.api.token(desk.installation, (desk.shop.id,), {"contents": "read"})

    assert says in raised.value.message
    assert cure in raised.value.hint


async def test_a_suspension_may_end(desk: Desk) -> None:
    """Nothing is given up for it, nor is it asked again and again; who ends it is said."""
    await shown(desk)
    desk.world.suspend(desk.installed)
    calls = len(desk.github.doors.calls)

    with pytest.raises(ForgeUnavailable) as raised:
        await desk.api.request("GET", "/repos/acme/shop/branches", installation=desk.installation)

    assert "suspended" in raised.value.message
    assert "unsuspends" in raised.value.hint
    assert raised.value.after == MINUTE
    assert len(desk.github.doors.calls) == calls + 1
    desk.world.suspend(desk.installed, suspended=False)
    assert await shown(desk) == 200


async def test_a_permission_that_is_missing_is_named(desk: Desk) -> None:
    """GitHub says which; a newer token is tried once, then the hint says it."""
    del desk.installed.permissions["pull_requests"]

    with pytest.raises(ForgeRefused) as raised:
        await shown(desk, "/repos/acme/shop/pulls")

    assert "pull_requests=read" in raised.value.hint


async def test_a_key_that_is_another_app_s(desk: Desk) -> None:
    """What GitHub does not believe names the settings; neither key nor token stands anywhere."""
    app = app_of("1", pem(), desk.github.url)
    api = Api(app, AT_ONCE, clock=desk.clock)

    assert (await api.request("GET", "/app")).status == 404
    await api.close()
    secret = pem().splitlines()[1]
    assert secret not in f"{app!r} {api!r}"
    for key in ("", "no key", pem()[:200]):
        with pytest.raises(SettingInvalid) as raised:
            app_of("1", key, desk.github.url)
        assert secret not in f"{raised.value!r}"
    late = Api(app_of("4711", pem(), desk.github.url), AT_ONCE, clock=lambda: desk.now + HOUR)
    with pytest.raises(ForgeRefused) as refused:
        await late.request("GET", "/app")
    await late.close()
    assert "clock" in refused.value.hint


async def test_tokens_stand_in_nothing_that_people_read(desk: Desk) -> None:
    """Neither in an error's words nor in what is shown of an answer."""
    token = await desk.api.token(desk.installation)
    answer = await desk.api.request("GET", "/app/installations")
    desk.github.doors.down = 502

    with pytest.raises(ForgeUnavailable) as raised:
        await shown(desk)

    assert token not in f"{raised.value!r} {raised.value.hint} {desk.api!r} {answer!r}"
    assert "502" in raised.value.message


async def test_what_has_not_changed_costs_nothing(desk: Desk) -> None:
    """A second look is answered from memory; what has changed is seen."""
    for _ in range(3):
        await shown(desk)
    unchanged = desk.github.doors.unchanged
    desk.world.set_private(desk.shop, private=False)
    answer = await desk.api.request("GET", "/repos/acme/shop", installation=desk.installation)

    assert unchanged == 2
    assert answer.body["private"] is False


async def test_a_list_is_read_to_its_end(desk: Desk) -> None:
    """Page by page, each row once."""
    for number in range(7):
        desk.world.push(desk.shop, f"b{number}", {"a": str(number)})
    pages = desk.api.pages(
        "/repos/acme/shop/branches", installation=desk.installation, query={"per_page": "3"}
    )

    named = [[row["name"] for row in page.body] async for page in pages]

    assert named == [["b0", "b1", "b2"], ["b3", "b4", "b5"], ["b6"]]


async def test_the_hourly_limit_is_kept_to(desk: Desk) -> None:
    """Once nothing is left nothing is sent until it begins anew; others are not held up."""
    desk.github.doors.hourly = 1
    await shown(desk)
    sent = len(desk.github.doors.calls)

    with pytest.raises(ForgeUnavailable) as raised:
        await shown(desk)

    assert len(desk.github.doors.calls) == sent
    assert 0 < raised.value.after <= HOUR
    desk.now += HOUR + 1
    assert await shown(desk) == 200


@pytest.mark.parametrize(
    ("refusal", "after"),
    [
        (Said(403, "You have exceeded a secondary rate limit.", Retry_After="30"), 30.0),
        (Said(429, "Too many requests", Retry_After="7"), 7.0),
        (Said(403, "You have exceeded a secondary rate limit."), MINUTE),
    ],
)
async def test_a_secondary_limit_is_waited_out(desk: Desk, refusal: Said, after: float) -> None:
    """For as long as GitHub says, else for a minute; nothing is sent meanwhile."""
    await shown(desk)
    desk.github.doors.refuse = [refusal]
    with pytest.raises(ForgeUnavailable) as raised:
        await shown(desk)
    sent = len(desk.github.doors.calls)
    with pytest.raises(ForgeUnavailable):
        await shown(desk)

    assert raised.value.after == after
    assert len(desk.github.doors.calls) == sent
    desk.now += after
    assert await shown(desk) == 200


async def test_a_write_that_may_have_been_done_is_not_repeated(desk: Desk) -> None:
    """A read is, and a change; making something is left to who knows what is there."""
    desk.world.push(desk.shop, "main", {"a": "1"})
    await shown(desk)
    desk.github.doors.calls.clear()
    desk.github.doors.down = 500

    for method, path in (("GET", "/repos/acme/shop"), ("POST", "/repos/acme/shop/check-runs")):
        with pytest.raises(ForgeUnavailable):
            await desk.api.request(method, path, installation=desk.installation)

    methods = [call.partition(" ")[0] for call in desk.github.doors.calls]
    assert methods == ["GET"] * AT_ONCE.tries + ["POST"]


async def test_an_old_name_leads_on(desk: Desk) -> None:
    """GitHub's redirect by id is followed, within GitHub."""
    desk.world.rename(desk.shop, "acme/store")

    answer = await desk.api.request("GET", "/repos/acme/shop", installation=desk.installation)

    assert answer.body["full_name"] == "acme/store"


async def test_no_token_goes_elsewhere() -> None:
    """Neither after a redirect, nor along a list's next page."""
    strangers: list[str] = []

    async def stranger(request: web.Request) -> web.Response:
        strangers.append(request.headers.get("Authorization", ""))
        return web.json_response([])

    async def ours(request: web.Request) -> web.Response:
        if request.path.endswith("/moved"):
            raise web.HTTPMovedPermanently(elsewhere)
        return web.json_response([1], headers={"Link": f'<{elsewhere}?page=2>; rel="next"'})

    other, mine = web.Application(), web.Application()
    other.router.add_get("/{any:.*}", stranger)
    mine.router.add_get("/{any:.*}", ours)
    async with TestServer(other) as theirs, TestServer(mine) as github:
        elsewhere = str(theirs.make_url("/api/v3/app"))
        api = Api(app_of("1", pem(), str(github.make_url("/"))), AT_ONCE)
        with pytest.raises(ForgeUnavailable, match="another host"):
            await api.request("GET", "/moved")
        with pytest.raises(ForgeUnavailable, match="another host"):
            _ = [page async for page in api.pages("/list")]
        await api.close()

    assert strangers == []


@pytest.mark.parametrize(
    ("url", "api"),
    [
        ("https://github.com", "https://api.github.com"),
        ("https://www.github.com/", "https://api.github.com"),
        ("https://acme.ghe.com", "https://api.acme.ghe.com"),
        ("https://git.example.com/", "https://git.example.com/api/v3"),
    ],
)
def test_where_the_api_is(url: str, api: str) -> None:
    """Of github.com, of a company's tenancy there, of an Enterprise server."""
    assert api_of(url) == api
