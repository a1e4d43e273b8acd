"""What GitLab never delivered is found, by a played one whose webhooks find nobody."""

from collections.abc import AsyncIterator

import pytest

from bus.connection import Bus
from consumers.forges.gitlab.api import Api
from consumers.forges.gitlab.installs import GitLabInstalls
from consumers.recovery.gitlab import GitLab
from schemas.envelope import Aggregate
from schemas.events.branch import BranchPushed
from schemas.events.delivery import DeliveryRecovered
from tests.consumers.recovery.place import NOBODY, Place, only, placed
from tests.heavy.forges.gitlab.played import Played
from tests.heavy.forges.gitlab.sending import Sent


class Away:
    """A project two groups deep, and a user of ours who maintains it."""

    def __init__(self, place: Place, played: Played) -> None:
        self.place, self.played, self.world = place, played, played.world
        self.alice = self.world.user("alice")
        self.world.group("acme", alice=40)
        self.world.group("acme/web")
        self.shop = self.world.project("acme/web/shop", by=self.alice)
        self.hook = self.world.hook(f"{NOBODY}gitlab-event", project=self.shop)
        self.world.sender.auto_disable = False
        self.api = Api(played.url, self.world.token(self.alice))
        self.recovery = place.recovery(GitLab(self.api))

    async def compare(self) -> list[str]:
        """Compare once more; return what was recorded."""
        return (await self.place.compare(self.recovery))[1]

    async def missed(self) -> list[Sent]:
        """Return what GitLab has tried to deliver, which it then forgets."""
        await self.world.calm()
        sent = list(self.world.sender.sent)
        self.world.sender.sent.clear()
        return sent

    def push(self, branch: str, text: str, *, silent: bool = False) -> str:
        """Push one commit."""
        return self.world.push(self.shop, branch, {branch: text}, by=self.alice, silent=silent)


@pytest.fixture
async def away(bus: Bus, gitlab_api: Played) -> AsyncIterator[Away]:
    """Yield a project whose webhooks find nobody, and of which one push has arrived."""
    async with placed(bus) as place:
        await place.admit("gitlab:acme")
        made = Away(place, gitlab_api)
        made.push("main", "0")
        await place.arrive(*await made.missed())
        yield made
        await made.api.close()


@pytest.mark.weakness(15)
async def test_what_was_sent_in_vain_is_fetched(away: Away) -> None:
    """Under the id that ingest would have given it: sent again, nothing happens twice."""
    new = away.push("main", "1")
    await away.world.calm()
    sent = list(away.world.sender.sent)

    assert only(await away.compare(), "branch.") == [f"branch.pushed main {new[:7]}"]
    recovered = await away.place.facts(DeliveryRecovered)
    keys = [each.headers["Idempotency-Key"] for each in sent]
    assert [(one.of.id, one.fact.why) for one in recovered] == [(key, "delivery") for key in keys]
    await away.place.arrive(*sent)
    assert len(await away.place.facts(BranchPushed)) == 2
    assert await away.compare() == []


async def test_branches_and_merge_requests_that_nobody_told_of(away: Away) -> None:
    """Moved, made and deleted, opened, moved and merged: as GitLab has it, each once."""
    away.push("blue", "1")
    await away.place.arrive(*await away.missed())
    new = away.push("main", "2", silent=True)
    made = away.push("made", "3", silent=True)
    asked = away.world.open_merge(away.shop, "blue", away.shop, "main", by=away.alice)
    await away.missed()

    assert sorted(only(await away.compare(), "branch.", "pull.")) == sorted(
        [
            f"branch.pushed made {made[:7]}",
            f"branch.pushed main {new[:7]}",
            f"pull.opened 1 {asked.sha[:7]}",
        ]
    )
    of = Aggregate("gitlab", str(away.shop.id), "branch", "main")
    moved = await away.place.bus.log.last(of, BranchPushed)
    assert moved is not None
    assert moved.fact.repository.full_name == "acme/web/shop"
    assert moved.fact.continues
    head = away.push("blue", "4", silent=True)
    assert sorted(only(await away.compare(), "branch.", "pull.")) == [
        f"branch.pushed blue {head[:7]}",
        f"pull.updated 1 {head[:7]}",
    ]
    away.world.merge(asked, by=away.alice)
    away.world.delete_branch(away.shop, "blue", by=away.alice)
    await away.missed()
    assert sorted(only(await away.compare(), "branch.", "pull.")) == [
        "branch.deleted blue",
        f"branch.pushed main {away.shop.branches['main'][:7]}",
        f"pull.closed 1 {head[:7]}",
    ]
    assert await away.compare() == []


@pytest.mark.weakness(8)
async def test_an_outage_or_a_dead_token_is_no_evidence(away: Away) -> None:
    """Errors, pages of a proxy and refusals close and delete nothing; the project stays."""
    away.played.doors.down = 503
    done, told = await away.place.compare(away.recovery)
    assert (done.silent, only(told, "branch.", "project.")) == (1, [])

    away.played.doors.down = 0
    away.world.tokens.clear()
    done, told = await away.place.compare(away.recovery)

    assert (done.silent, told) == (1, [])


async def test_a_project_that_is_gone_is_left_to_the_collector(away: Away) -> None:
    """That nothing of it is shown is said once in the log, and nothing is recorded."""
    away.world.destroy(away.shop)
    await away.missed()

    assert await away.compare() == []
    assert await away.compare() == []


async def test_installation_topics_that_nobody_told_of(away: Away) -> None:
    """Set or taken away meanwhile: intake is told, and asks; installing deploys nothing."""
    tag = "openfaas-cloud"
    away.place.asked("gitlab", GitLabInstalls(away.api, tag))
    recovery = away.place.recovery(GitLab(away.api, tag))
    away.world.set_topics(away.shop, tag, silent=True)
    other = away.world.project("acme/web/other", by=away.alice)
    away.world.set_topics(other, tag, silent=True)

    _, told = await away.place.compare(recovery)

    assert only(told, "project.installed", "branch.") == ["project.installed"] * 2
    away.world.set_topics(away.shop, silent=True)
    _, told = await away.place.compare(recovery)
    assert only(told, "project.removed", "branch.") == ["project.removed"]
    assert (await away.place.compare(recovery))[1] == []
