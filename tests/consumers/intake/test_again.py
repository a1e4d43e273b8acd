"""Deliveries resent: only what is missing happens."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest

from bus import streams
from bus.connection import Bus
from bus.letters import open_letters, outcome, redrive
from bus.work import work
from consumers.forges.meaning import Ignored, Meaning
from consumers.intake import consumer as intake_consumer
from consumers.intake.again import IntakeAgain
from consumers.intake.consumer import Intake, fold, understand
from schemas.envelope import Aggregate, Delivery, Recorded
from schemas.errors import GiveUp
from schemas.events import Event
from schemas.events.branch import BranchPushed
from schemas.events.delivery import (
    DeliveryIgnored,
    DeliveryResendRequested,
    DeliveryResent,
    DeliveryTranslated,
)
from schemas.events.project import ProjectInstalled
from schemas.ids import tag_of
from tests.consumers.forges.samples import A, B, github_installation, github_push, listed
from tests.consumers.intake.listing import everybody


@asynccontextmanager
async def both(bus: Bus, intake: type[Intake] = Intake) -> AsyncIterator[None]:
    """Run intake, and intake that is asked again, around a block."""
    branches = fold()
    following = asyncio.create_task(branches.run(bus.follow))
    worker = intake(bus.log, branches, everybody())
    again = IntakeAgain(worker, bus.deliveries, bus.follow.events)
    await streams.ensure(bus.settings, [worker, again])
    stopping = asyncio.Event()
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(work(bus, worker, stopping))
            tasks.create_task(work(bus, again, stopping))
            try:
                yield
            finally:
                stopping.set()
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def store(bus: Bus, id: str, body: object, kind: str) -> Delivery:
    """Store a delivery of GitHub's."""
    headers = {"x-github-event": kind}
    seq = await bus.deliveries.store("github", id, headers, msgspec.json.encode(body))
    return await bus.deliveries.get(seq)


async def resent(bus: Bus, id: str, times: int = 1) -> list[DeliveryResent]:
    """Ask for a delivery again, at once; return what came of each request."""
    of, before = Aggregate("github", "", "delivery", id), await bus.log.head()
    for number in range(times):
        await bus.log.append(DeliveryResendRequested(), of=of, id=f"ask:{before}:{number}")
    answers: list[DeliveryResent] = []
    async with asyncio.timeout(20):
        async for event in bus.follow.events(after=before):
            answers += [event.fact] if isinstance(event.fact, DeliveryResent) else []
            if len(answers) == times:
                break
    return answers


async def tags(bus: Bus) -> list[str]:
    """Return what the log tells, in its order, but for the asking."""
    head = await bus.log.head()
    told: list[Recorded[Event]] = [event async for event in bus.follow.events(after=0, until=head)]
    return [tag_of(event.fact) for event in told if "resen" not in tag_of(event.fact)]


async def translated(bus: Bus, id: str) -> None:
    """Wait until a delivery has come to something."""
    of = Aggregate("github", "", "delivery", id)
    async with asyncio.timeout(20):
        while await bus.log.last(of, DeliveryTranslated, DeliveryIgnored) is None:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_nothing_is_missing_of_a_push(bus: Bus) -> None:
    """A push that was translated is asked for three times: its facts stay one each."""
    async with both(bus):
        await store(bus, "d-1", github_push(before=A, after=B), "push")
        await translated(bus, "d-1")

        answers = await resent(bus, "d-1", 3)

    assert {(answer.facts, answer.reason) for answer in answers} == {((), "nothing was missing")}
    assert await tags(bus) == ["branch.pushed/1", "delivery.translated/1"]


async def test_what_was_not_understood_then_is_added_now(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An older release ignored it, this one knows what it means: taken as a push of today."""
    await store(bus, "d-1", github_push(before=A, after=B), "push")
    with monkeypatch.context() as older:
        older.setattr(
            intake_consumer, "understand", lambda _: Meaning("push", Ignored("not known yet"))
        )
        async with both(bus):
            await translated(bus, "d-1")

    async with both(bus):
        (first,) = await resent(bus, "d-1")
        (second,) = await resent(bus, "d-1")

    pushed = await bus.log.get(first.facts[0])
    assert isinstance(pushed.fact, BranchPushed)
    assert pushed.cause == "github:d-1"
    assert (second.facts, second.reason) == ((), "nothing was missing")
    assert await tags(bus) == ["delivery.ignored/1", "branch.pushed/1", "delivery.translated/1"]


async def test_what_is_ignored_still_says_why(bus: Bus) -> None:
    """Taken again, it comes to the same."""
    async with both(bus):
        await store(bus, "d-1", github_push(ref="refs/tags/v1"), "push")
        await translated(bus, "d-1")
        (answer,) = await resent(bus, "d-1")

    assert answer.reason.startswith("ignored: a tag: v1")
    assert await tags(bus) == ["delivery.ignored/1"]


async def test_a_newer_translation_adds_what_it_sees(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An older release read one repository of three: the others are added, that one is not."""
    body = github_installation("created", repositories=[listed(n) for n in range(3)])

    def less(delivery: Delivery) -> Meaning:
        meaning = understand(delivery)
        assert isinstance(meaning.says, tuple)
        return msgspec.structs.replace(meaning, says=meaning.says[:2])

    await store(bus, "d-1", body, "installation")
    with monkeypatch.context() as older:
        older.setattr(intake_consumer, "understand", less)
        async with both(bus):
            await translated(bus, "d-1")

    async with both(bus):
        (answer,) = await resent(bus, "d-1")

    added = [(await bus.log.get(seq)).fact for seq in answer.facts]
    assert [type(fact) for fact in added] == [ProjectInstalled, ProjectInstalled]
    assert (await tags(bus)).count("project.installed/1") == 3


async def test_a_delivery_that_is_gone(bus: Bus) -> None:
    """After thirty days there is nothing to resend, and the answer says so."""
    async with both(bus):
        (answer,) = await resent(bus, "never")

    assert answer == DeliveryResent(1, reason="the delivery is not stored any more")


async def test_a_resend_before_its_time(bus: Bus) -> None:
    """Asked for before intake has come to it: one of both takes it, once."""
    await store(bus, "d-1", github_push(before=A, after=B), "push")
    of = Aggregate("github", "", "delivery", "d-1")
    await bus.log.append(DeliveryResendRequested(), of=of, id="early")
    async with both(bus):
        await translated(bus, "d-1")
        await resent(bus, "d-1")

    assert await tags(bus) == ["branch.pushed/1", "delivery.translated/1"]
    assert await open_letters(bus) == []


async def test_a_dead_delivery_is_redriven_to_intake(bus: Bus) -> None:
    """Its letter is about DELIVERIES; what takes it again reads EVENTS."""

    class Broken(Intake):
        async def handle(self, delivery: Delivery) -> None:
            raise GiveUp(f"{delivery.id}: not today")

    await store(bus, "d-1", github_push(before=A, after=B), "push")
    async with both(bus, Broken), asyncio.timeout(20):
        while not await open_letters(bus):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    (letter,) = await open_letters(bus)
    assert (letter.key, letter.event) == ("intake:DELIVERIES:1", "github:d-1")

    async with both(bus, Broken):
        failed = await outcome(bus, letter, await redrive(bus, letter, actor="op"))
    assert failed is not None
    assert (failed.consumer, failed.again) == ("intake-again", letter.key)
    async with both(bus):
        seq = await redrive(bus, failed, actor="op")
        assert await outcome(bus, failed, seq) is None

    assert await open_letters(bus) == []
    pointer = await bus.log.get(seq)
    assert (pointer.of.forge, pointer.cause) == ("github", "github:d-1")
    assert "branch.pushed/1" in await tags(bus)
