"""What GitHub never delivered is found, by a played one whose webhooks find nobody."""

import time
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

from bus.connection import Bus
from consumers.recovery.consumer import Recovery
from consumers.recovery.finding import Finding, Findings
from consumers.recovery.forge import Named, Seen
from consumers.recovery.github import GitHub
from consumers.recovery.known import Project
from schemas.envelope import Aggregate
from schemas.events.branch import BranchPushed
from schemas.events.delivery import DeliveryRecovered
from schemas.events.reconciliation import ReconciliationFinished
from tests.consumers.forges.app_desk import Desk
from tests.consumers.recovery.place import NOBODY, Place, only, placed
from tests.heavy.forges.github.doors import Window
from tests.heavy.forges.github.played import Played
from tests.heavy.forges.github.sending import Sent


class Away:
    """acme has two repositories, one of which is open to us; we were told of it."""

    def __init__(self, bus: Bus, place: Place, desk: Desk) -> None:
        self.bus, self.place, self.desk = bus, place, desk
        self.world, self.shop, self.other = desk.world, desk.shop, desk.other
        self.recovery = self.made(GitHub(desk.api))

    def made(self, forge: GitHub) -> Recovery:
        """Return a comparison, as after a restart."""
        return self.place.recovery(forge, forge)

    async def compare(self) -> list[str]:
        """Compare once more; return what was recorded."""
        return (await self.place.compare(self.recovery))[1]

    async def renamed(self) -> list[str]:
        """Compare; return what was renamed, and nobody installed."""
        told = only(await self.compare(), "project.", "tenant.")
        assert not only(told, "tenant.installed", "project.installed", "project.removed")
        return told

    async def sent(self) -> list[Sent]:
        """Return what GitHub has tried to deliver so far."""
        await self.world.calm()
        return list(self.world.sender.sent)

    async def missed(self) -> list[Sent]:
        """Return what GitHub has tried to deliver, which it then forgets."""
        sent = await self.sent()
        self.world.sender.sent.clear()
        return sent


@pytest.fixture
async def away(bus: Bus, github_app: Played) -> AsyncIterator[Away]:
    """Yield an App whose webhooks find nobody, installed on acme."""
    desk = Desk(github_app)
    desk.now = time.time()
    async with placed(bus) as place:
        await place.admit("github:acme")
        made = Away(bus, place, desk)
        made.world.uninstall(desk.installed)
        made.world.sender.url = NOBODY
        desk.installed = made.world.install("acme", made.shop)
        await place.arrive(*await made.missed())
        desk.now += 60
        yield made
    await desk.api.close()


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


async def test_what_has_not_changed_costs_nothing(away: Away) -> None:
    """Lists that are as before are answered 304, which GitHub does not count."""
    away.world.push(away.shop, "main", {"n": "1"})
    await away.place.arrive(*await away.missed())
    await away.compare()
    doors = away.desk.github.doors
    before, unchanged = {who: each.left for who, each in doors.windows.items()}, doors.unchanged

    assert await away.compare() == []

    assert {who: each.left for who, each in doors.windows.items()} == before
    assert (
        doors.unchanged - unchanged
        == len({"installations", "repositories", "branches", "pulls"}) + 1
    )


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


async def test_who_is_no_customer_is_passed_over(away: Away) -> None:
    """Nothing is stored of an account that is not let in; once it is, it is found."""
    away.world.install("zoo", away.world.repository("zoo/ape"))
    await away.missed()
    assert await away.compare() == []

    await away.place.admit("github:acme\ngithub:zoo")

    assert only(await away.compare(), "tenant.installed") == ["tenant.installed zoo"]


async def test_a_dead_installation_stops_no_other(away: Away) -> None:
    """Its suspension is told; of its repositories nothing follows, and acme's are compared."""
    await away.place.admit("github:acme\ngithub:zoo")
    ape = away.world.repository("zoo/ape")
    installed = away.world.install("zoo", ape)
    away.world.push(ape, "main", {"n": "1"})
    away.world.push(away.shop, "main", {"n": "1"})
    await away.place.arrive(*await away.missed())
    away.world.suspend(installed)
    new = away.world.push(away.shop, "main", {"n": "2"}, silent=True)
    await away.missed()

    done, told = await away.place.compare(away.recovery)

    assert only(told, "tenant.", "project.", "branch.") == [
        "tenant.suspended zoo",
        f"branch.pushed main {new[:7]}",
    ]
    assert done.reason == ""


async def test_an_outage_is_no_evidence(away: Away) -> None:
    """While GitHub answers nothing but errors nothing is closed or deleted; that is recorded."""
    away.world.push(away.shop, "main", {"n": "1"})
    await away.place.arrive(*await away.missed())
    away.desk.github.doors.down = 502

    done, told = await away.place.compare(away.recovery)

    assert told == []
    assert "502" in done.reason
    said = (await away.place.facts(ReconciliationFinished))[-1].fact
    assert (said.recovered, said.reason) == (0, done.reason)
    away.desk.github.doors.down = 0
    assert (await away.place.compare(away.recovery))[0].reason == ""


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


async def test_whatever_the_weather_the_newest_is_known(away: Away) -> None:
    """Lost, doubled, out of order, and an API that fails: at last the log has every head.

    Also after all that was late has arrived. PUSHLINE_SEED repeats it.
    """
    chance, late = away.world.random, list[Sent]()
    for number in range(24):
        branch = chance.choice(("main", "blue", "red"))
        away.world.push(away.shop, branch, {branch: str(number)}, silent=chance.random() < 0.2)
        for sent in await away.sent():
            fate = chance.random()
            if fate < 0.3:
                continue  # GitHub knows of it
            away.world.sender.sent.remove(sent)
            late.append(sent)
            if fate < 0.8:
                await away.place.arrive(chance.choice(late))
    away.desk.github.doors.bad_weather = 0.1
    for _ in range(4):
        await away.compare()

    await away.place.arrive(*chance.sample(late, len(late)))
    away.desk.github.doors.bad_weather = 0.0
    await away.compare()

    assert await away.compare() == []
    [known] = away.place.known.of("github").values()
    assert {name: row.sha for name, row in known.branches.items()} == away.shop.branches


async def test_who_is_limited_is_left_alone(away: Away) -> None:
    """An installation that GitHub lets wait is asked nothing; of others all is compared."""
    await away.place.admit("github:acme\ngithub:zoo")
    ape = away.world.repository("zoo/ape")
    limited = away.world.install("zoo", ape)
    away.world.push(away.shop, "main", {"n": "1"})
    await away.place.arrive(*await away.missed())
    new = away.world.push(away.shop, "main", {"n": "2"}, silent=True)
    doors = away.desk.github.doors
    doors.windows[str(limited.id)] = Window(0, away.desk.now + 1800)

    done, told = await away.place.compare(away.recovery)
    assert only(told, "branch.", "project.") == [f"branch.pushed main {new[:7]}"]
    assert (done.silent, done.reason) == (1, "")

    doors.calls.clear()
    await away.compare()
    assert len([one for one in doors.calls if one == "GET /installation/repositories"]) == 1
