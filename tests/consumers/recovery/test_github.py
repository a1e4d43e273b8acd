"""What GitHub never delivered is found, by a played one whose webhooks find nobody."""

from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from consumers.recovery.finding import Finding, Findings
from consumers.recovery.forge import Named, Seen
from consumers.recovery.github import GitHub
from consumers.recovery.known import Project
from schemas.envelope import Aggregate
from schemas.events.branch import BranchPushed
from schemas.events.delivery import DeliveryRecovered
from tests.consumers.recovery.github import Away, away
from tests.consumers.recovery.place import only

__all__ = ["away"]


@pytest.mark.weakness(15)
async def test_what_was_sent_in_vain_is_fetched(away: Away) -> None:
    """Under the id that it had: when GitHub sends it again, nothing happens twice."""
    first = away.world.push(away.shop, "main", {"n": "1"})
    second = away.world.push(away.shop, "main", {"n": "2"})
    sent = await away.sent()

    told = await away.compare()

    assert only(told, "branch.") == [
        f"branch.pushed main {first[:7]}",
        f"branch.pushed main {second[:7]}",
    ]
    recovered = await away.place.facts(DeliveryRecovered)
    assert [(one.of.id, one.fact.why) for one in recovered] == [
        (each.guid, "delivery") for each in sent
    ]
    assert all(one.fact.continues for one in await away.place.facts(BranchPushed))
    await away.place.arrive(*sent)
    assert len(await away.place.facts(BranchPushed)) == 2
    assert await away.compare() == []


async def test_what_was_lost_before_the_newest_is_history(away: Away) -> None:
    """Pushes that are found after a newer one was taken move nothing: nothing is built twice."""
    away.world.push(away.shop, "main", {"n": "0"})
    await away.place.arrive(*await away.missed())
    lost = [away.world.push(away.shop, "main", {"n": text}) for text in ("1", "2")]
    newest = away.world.push(away.shop, "main", {"n": "3"})
    await away.place.arrive((await away.sent())[-1])

    told = await away.compare()

    assert only(told, "branch.") == [f"branch.push-outdated main {sha[:7]}" for sha in lost]
    assert (await away.place.facts(BranchPushed))[-1].fact.after == newest
    assert await away.compare() == []


async def test_what_arrived_is_left_alone(away: Away) -> None:
    """A delivery that is stored is not fetched, though GitHub thinks that it failed."""
    away.world.push(away.shop, "main", {"n": "1"})
    await away.place.arrive(*await away.sent())
    away.desk.github.doors.calls.clear()

    assert await away.compare() == []
    assert not [one for one in away.desk.github.doors.calls if "deliveries/" in one]


async def test_branches_that_nobody_told_of(away: Away) -> None:
    """Moved, made, and deleted: as GitHub has it, marked with where it came from."""
    old = away.world.push(away.shop, "main", {"n": "1"})
    gone = away.world.push(away.shop, "gone", {"n": "2"})
    await away.place.arrive(*await away.missed())
    new = away.world.push(away.shop, "main", {"n": "3"}, silent=True)
    made = away.world.push(away.shop, "made", {"n": "4"}, silent=True)
    away.world.delete_branch(away.shop, "gone")
    await away.missed()

    told = await away.compare()

    assert sorted(only(told, "branch.")) == [
        "branch.deleted gone",
        f"branch.pushed made {made[:7]}",
        f"branch.pushed main {new[:7]}",
    ]
    of = Aggregate("github", str(away.shop.id), "branch", "main")
    moved = await away.bus.log.last(of, BranchPushed)
    assert moved is not None
    assert (moved.fact.before, moved.fact.repository.full_name) == (old, "acme/shop")
    assert moved.fact.continues
    delivery = await away.bus.deliveries.find(*moved.cause.split(":", 1))
    assert delivery is not None
    assert delivery.headers["x-pushline-recovered"] == "branch"
    assert gone not in "".join(told)
    assert await away.compare() == []


async def test_a_webhook_that_comes_after_all_changes_nothing(away: Away) -> None:
    """What was found already is not news under the delivery's own id."""
    away.world.push(away.shop, "main", {"n": "1"})
    await away.place.arrive(*await away.missed())
    away.world.push(away.shop, "main", {"n": "2"})
    late = await away.missed()
    assert only(await away.compare(), "branch.")

    await away.place.arrive(*late)

    pushed = await away.place.facts(BranchPushed)
    assert [one.fact.after for one in pushed][-1] == away.shop.branches["main"]
    assert len(pushed) == 2


class Meanwhile(GitHub):
    """A GitHub after whose answer something happens, before anybody acts on it."""

    def __init__(self, away: Away, then: Callable[[], Coroutine[Any, Any, None]]) -> None:
        super().__init__(away.desk.api)
        self.then, self.looks = then, 0

    async def look(self, known: Project, named: Named | None) -> Seen | None:
        """Answer; after the second look it happens."""
        seen = await super().look(known, named)
        self.looks += 1
        if self.looks == 2:
            await self.then()
        return seen


@pytest.mark.weakness(13)
async def test_a_push_between_looking_and_writing_stands(away: Away) -> None:
    """The older reading of the branch is passed over: production is never taken back."""
    away.world.push(away.shop, "main", {"n": "1"})
    await away.place.arrive(*await away.missed())
    lost = away.world.push(away.shop, "main", {"n": "2"}, silent=True)

    async def push() -> None:
        away.world.push(away.shop, "main", {"n": "3"})
        await away.place.arrive(*await away.missed())

    forge = Meanwhile(away, push)
    _, told = await away.place.compare(away.made(forge))

    newest = away.shop.branches["main"]
    assert only(told, "branch.") == [f"branch.pushed main {newest[:7]}"]
    assert [line for line in told if line.startswith("delivery.ignored recovered-")]
    assert lost[:7] not in "".join(told)
    assert await away.compare() == []


async def test_what_was_opened_between_asking_and_writing_stays_open(away: Away) -> None:
    """That a repository was closed, read before it was opened again, closes nothing."""
    away.world.open_to(away.desk.installed, away.other)
    await away.place.arrive(*await away.missed())
    away.world.close_to(away.desk.installed, away.other)
    await away.missed()

    class Slow(Findings):
        async def put(self, finding: Finding) -> bool:
            away.world.open_to(away.desk.installed, away.other)
            await away.place.arrive(*await away.missed())
            return await super().put(finding)

    slow = Slow("github", away.bus.log, away.bus.deliveries)
    forge = GitHub(away.desk.api)
    _, told = await away.place.compare(away.place.recovery(forge, forge, slow))

    assert only(told, "project.") == ["project.installed"]
    assert only(told, "delivery.ignored recovered-")
    assert await away.compare() == []


async def test_a_branch_that_moved_on_is_found_where_it_is(away: Away) -> None:
    """Pushes whose webhooks are under way are left to them: what differs has to differ twice."""
    away.world.push(away.shop, "main", {"n": "1"})
    await away.place.arrive(*await away.missed())
    away.world.push(away.shop, "main", {"n": "2"}, silent=True)
    moved: list[str] = []

    class Moving(GitHub):
        async def look(self, known: Project, named: Named | None) -> Seen | None:
            seen = await super().look(known, named)
            moved.append(away.world.push(away.shop, "main", {"n": f"{len(moved)}"}, silent=True))
            return seen

    assert only((await away.place.compare(away.made(Moving(away.desk.api))))[1], "branch.") == []
    assert only(await away.compare(), "branch.") == [f"branch.pushed main {moved[-1][:7]}"]


async def test_accounts_that_nobody_told_of(away: Away) -> None:
    """Installed, opened, closed and deleted while we were away; each only by GitHub's own word."""
    new = away.world.repository("zoo/ape")
    await away.place.admit("github:acme\ngithub:zoo")
    installed = away.world.install("zoo", new)
    away.world.open_to(away.desk.installed, away.other)
    await away.missed()

    told = await away.compare()

    assert sorted(only(told, "tenant.installed", "project.")) == [
        "project.installed",
        "project.installed",
        "tenant.installed zoo",
    ]
    away.world.uninstall(installed)
    away.world.close_to(away.desk.installed, away.other)
    await away.missed()
    told = await away.compare()
    assert sorted(only(told, "tenant.", "project.")) == [
        "project.removed",
        "project.removed",
        "tenant.uninstalled zoo",
    ]
    assert await away.compare() == []


async def test_names_that_nobody_told_of(away: Away) -> None:
    """A repository and an account that were renamed are the same ones, under new names."""
    await away.place.admit("github:acme\ngithub:roadrunner")
    away.world.push(away.shop, "main", {"n": "1"})
    await away.place.arrive(*await away.missed())
    away.world.rename(away.shop, "acme/store")
    await away.missed()
    assert await away.renamed() == ["project.renamed"]

    away.world.rename_account("acme", "roadrunner")
    new = away.world.push(away.shop, "main", {"n": "2"}, silent=True)
    await away.missed()

    assert set(await away.renamed()) == {"project.renamed", "tenant.renamed acme"}
    pushed = (await away.place.facts(BranchPushed))[-1].fact
    assert (pushed.after, pushed.repository.full_name) == (new, "roadrunner/store")
    assert await away.compare() == []


async def test_pull_requests_that_nobody_told_of(away: Away) -> None:
    """Opened, moved and merged, as GitHub has them; each once."""
    away.world.push(away.shop, "main", {"n": "1"})
    away.world.push(away.shop, "blue", {"n": "2"})
    await away.place.arrive(*await away.missed())
    pull = away.world.open_pull(away.shop, "blue")
    await away.missed()

    assert only(await away.compare(), "pull.") == [f"pull.opened 1 {pull.sha[:7]}"]
    away.world.push(away.shop, "blue", {"n": "3"}, silent=True)
    assert only(await away.compare(), "pull.") == [f"pull.updated 1 {pull.sha[:7]}"]
    away.world.merge(away.shop, pull)
    await away.missed()
    assert only(await away.compare(), "pull.") == [f"pull.closed 1 {pull.sha[:7]}"]
    assert await away.compare() == []
