"""Recovery while GitHub fails, limits and refuses, and beside accounts that are not ours."""

import asyncio

from consumers.recovery.consumer import keep_recovered
from schemas.envelope import Aggregate
from schemas.events.reconciliation import ReconciliationFinished
from schemas.events.tenant import TenantSuspended
from tests.consumers.recovery.github import Away, away
from tests.consumers.recovery.place import only
from tests.heavy.forges.github.doors import Window
from tests.heavy.forges.github.sending import Sent

__all__ = ["away"]


async def test_what_has_not_changed_costs_nothing(away: Away) -> None:
    """Lists that are as before are answered 304, which GitHub does not count."""
    away.world.push(away.shop, "main", {"n": "1"})
    await away.place.arrive(*await away.missed())
    await away.compare()
    doors = away.desk.github.doors
    before, unchanged = {who: each.left for who, each in doors.windows.items()}, doors.unchanged

    assert await away.compare() == []

    assert {who: each.left for who, each in doors.windows.items()} == before
    lists = ("deliveries", "installations", "repositories", "branches", "pulls")
    assert doors.unchanged - unchanged == len(lists)


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


async def test_an_account_that_is_back_is_compared_at_once(away: Away) -> None:
    """What was pushed while it was suspended does not wait for the next round."""
    log, follow, stopping = away.bus.log, away.bus.follow, asyncio.Event()
    away.world.push(away.shop, "main", {"n": "1"})
    await away.place.arrive(*await away.missed())
    job = asyncio.create_task(keep_recovered((away.recovery,), log, follow, stopping))

    async def first(filter: str) -> str:
        async with asyncio.timeout(20):
            async for event in follow.events(after=0, filter=filter):
                return str(getattr(event.fact, "about", ""))
        raise AssertionError(filter)

    await first("ev.github.=.reconciliation.=.finished")
    away.world.push(away.shop, "main", {"n": "2"}, silent=True)
    for suspended in (True, False):
        of, fact = Aggregate("github", "", "tenant", "acme"), TenantSuspended(suspended)
        await log.append(fact, of=of, id=f"test:{suspended}")

    assert await first("ev.github.=.delivery.*.recovered") == "main"
    stopping.set()
    await job


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
