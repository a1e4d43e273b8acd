"""What GitHub is asked for besides status: clones, evidence, and who may press a button."""

from collections.abc import AsyncIterator

import pytest

from consumers.forges.asking import ForgeUnavailable
from consumers.forges.checks import Check, external_id
from consumers.forges.github.buttons import GitHubButtons
from consumers.forges.github.clones import GitHubClones
from consumers.forges.github.evidence import GitHubEvidence
from consumers.forges.meaning import Ignored, Pressed
from consumers.source.fetch import fetch
from consumers.source.limits import Refused, SourceSettings
from consumers.source.remote import ForgeRemotes
from schemas.envelope import Aggregate
from schemas.events.pull import PullApproved
from schemas.repository import Repository
from tests.consumers.forges.app_desk import Desk
from tests.heavy.forges.github.checks import Checks
from tests.heavy.forges.github.played import Played

RUNS = ("01JD8Z6Q5V0000000000000000", "01JD8Z6Q5V0000000000000001")


@pytest.fixture
async def desk(github_app: Played) -> AsyncIterator[Desk]:
    """Yield a client and its GitHub."""
    made = Desk(github_app)
    yield made
    await made.api.close()


def repository(desk: Desk, url: str = "") -> Repository:
    """Return the shop as its push tells of it."""
    url = url or f"{desk.github.url}/acme/shop.git"
    return Repository("acme", "shop", "main", url, private=True, installation=desk.installation)


async def test_a_private_repository_is_cloned(desk: Desk) -> None:
    """By a token that reads this one repository; without the App it is hidden from us."""
    sha = desk.world.push(desk.shop, "main", {"stack.yml": "version: 1.0\n"})
    of = Aggregate("github", str(desk.shop.id), "run", RUNS[0])

    opened = await ForgeRemotes(local=str, token=str, clones={"github": GitHubClones(desk.api)})(
        of, repository(desk)
    )
    closed = await ForgeRemotes(local=str, token=str)(of, repository(desk))

    assert (await fetch(opened, "main", "", SourceSettings())).sha == sha
    with pytest.raises(Refused, match="refused our credentials"):
        await fetch(closed, "main", "", SourceSettings())
    (grant,) = desk.world.grants.values()
    assert grant.permissions == {"contents": "read"}
    assert grant.repositories == frozenset({desk.shop.id})
    assert next(iter(desk.world.grants)) not in repr(opened)


async def test_no_other_host_gets_a_token(desk: Desk) -> None:
    """A payload may name any; and a webhook without an App has no installation to ask as."""
    clones, project = GitHubClones(desk.api), str(desk.shop.id)

    assert await clones.headers(project, repository(desk, "https://evil.example/a/b.git")) == {}
    assert await clones.headers(project, Repository("acme", "shop", "main", desk.github.url)) == {}
    assert desk.minted == 0


@pytest.mark.parametrize(
    ("what", "stands"),
    [
        ("nothing", "yes"),
        ("renamed", "yes"),
        ("renamed, and its name taken", "yes"),
        ("transferred to another installation", "yes"),
        ("account renamed, and its name taken", "yes"),
        ("suspended", "yes"),
        ("deleted", "no"),
        ("deleted, and its name taken", "no"),
        ("closed to the App", "no"),
        ("uninstalled", "no"),
        ("transferred to whoever has no App", "no"),
    ],
)
async def test_what_proves_that_a_repository_is_gone(desk: Desk, what: str, stands: str) -> None:
    """Only when neither its name nor its id leads to it; a name by itself proves nothing."""
    world, shop, project = desk.world, desk.shop, str(desk.shop.id)
    match what.partition(",")[0]:
        case "renamed":
            world.rename(shop, "acme/store")
        case "account renamed":
            world.rename_account("acme", "acme-inc")
        case "transferred to another installation":
            world.install("emca", world.repository("emca/x"), shop)
            world.close_to(desk.installed, shop)
            world.rename(shop, "emca/shop")
        case "transferred to whoever has no App":
            world.close_to(desk.installed, shop)
            world.rename(shop, "emca/shop")
        case "suspended":
            world.suspend(desk.installed)
        case "deleted":
            world.delete(shop)
        case "closed to the App":
            world.close_to(desk.installed, shop)
        case "uninstalled":
            world.uninstall(desk.installed)
    if "name taken" in what:
        again = world.repository("acme/shop")
        world.install("acme", again)

    assert await GitHubEvidence(desk.api).stands("github", project, "acme/shop") == stands


@pytest.mark.parametrize("status", [404, 500, 502, 503])
async def test_no_answer_proves_nothing(desk: Desk, status: int) -> None:
    """Even a 404, where it is a page of whatever stands before GitHub."""
    desk.world.delete(desk.shop)
    desk.github.doors.down = status

    evidence = GitHubEvidence(desk.api)
    assert await evidence.stands("github", str(desk.shop.id), "acme/shop") == "unknown"


async def test_an_app_that_github_does_not_know_proves_nothing(desk: Desk) -> None:
    """To it everything is a 404: a wrong id in the settings removes nothing."""
    desk.world.app_id, desk.world.client_id = 1, "another"

    evidence = GitHubEvidence(desk.api)
    assert await evidence.stands("github", str(desk.shop.id), "acme/shop") == "unknown"


def approving(desk: Desk, who: str) -> Pressed:
    """Return that somebody pressed Approve under a fork's commit."""
    of = Aggregate("github", str(desk.shop.id), "project", "")
    return Pressed(of, "acme/shop", desk.installation, who, pull=7, sha="a" * 40)


@pytest.mark.parametrize("who", ["acme", "bob"])
async def test_a_member_approves(desk: Desk, who: str) -> None:
    """Whoever may push, GitHub says; the approval is of that commit alone."""
    desk.world.account("bob")
    desk.shop.writers.add("bob")

    said = await GitHubButtons(desk.api).meant(approving(desk, who))

    assert isinstance(said, tuple)
    (one,) = said
    assert one.of == Aggregate("github", str(desk.shop.id), "pull", "7")
    assert one.fact == PullApproved(7, "a" * 40, "approved at GitHub")


@pytest.mark.parametrize(("who", "private"), [("mallory", True), ("mallory", False), ("x", False)])
async def test_nobody_else_approves(desk: Desk, who: str, *, private: bool) -> None:
    """Not the fork's author, who reads; not who is unknown, nor where the App was closed out."""
    desk.world.account("mallory")
    desk.shop.private = private

    said = await GitHubButtons(desk.api).meant(approving(desk, who))

    assert isinstance(said, Ignored)
    assert f"{who} may not approve" in said.reason


async def test_an_approval_waits_for_github(desk: Desk) -> None:
    """While it does not answer nothing is let in, and nothing is refused."""
    desk.github.doors.down = 502

    with pytest.raises(ForgeUnavailable):
        await GitHubButtons(desk.api).meant(approving(desk, "acme"))


async def test_all_checks_of_a_commit_again(desk: Desk) -> None:
    """Each run that they are of, once; checks of a commit that waits are passed over."""
    sha = desk.world.push(desk.shop, "main", {"a": "1"})
    checks = desk.github.areas["Checks"]
    assert isinstance(checks, Checks)
    about = [Check(environment="production", function=name, run=RUNS[0]) for name in ("", "hello")]
    about += [
        Check(environment="branch-main", run=RUNS[1]),
        Check(environment="pr-7", pull=7, sha=sha),
    ]
    for each in about:
        made = checks.made(desk.shop, sha, each.context)
        made.fields["external_id"] = external_id(each)
    suite = desk.world.suite(desk.shop, sha)
    of = Aggregate("github", str(desk.shop.id), "project", "")

    said = await GitHubButtons(desk.api).meant(
        Pressed(of, "acme/shop", desk.installation, "acme", suite=suite)
    )
    none = await GitHubButtons(desk.api).meant(
        Pressed(of, "acme/shop", desk.installation, "acme", suite=4711)
    )

    assert isinstance(said, tuple)
    assert [one.of.id for one in said] == list(RUNS)
    assert isinstance(none, Ignored)
