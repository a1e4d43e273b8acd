"""Dead letters and deliveries by HTTP, on a real log; operators only."""

import asyncio
from typing import Any

import httpx
import pytest

from bus.connection import Bus
from bus.deadletters import DeadLetter
from bus.envelope import now
from schemas.events.deadletter import DeadletterDropped, DeadletterRedriven
from schemas.events.delivery import DeliveryResendRequested, DeliveryResent
from schemas.ids import event_id
from tests.bus.workers import started
from tests.edge.api.test_app import answer, api

__all__ = ["api"]


async def given_up(bus: Bus, name: str, code: str = "build_failed") -> str:
    """Have a message given up; return its letter's id."""
    seq = await started(bus, name)
    letter = DeadLetter(
        consumer="builder",
        stream="EVENTS",
        seq=seq,
        code=code,
        reason=f"function '{name}' has no Dockerfile",
        attempts=1,
        time=now(),
        hint="add one",
        stack=("consumers/builder/consumer.py:80 in handle", "BuildFailed"),
    )
    await bus.deadletters.write(letter)
    return letter.key


async def post(api: httpx.AsyncClient, path: str, status: int = 200, **body: object) -> Any:
    """Ask for a change; return the answer, which has this status."""
    response = await api.post(path, json=body)
    assert response.status_code == status, response.text
    return response.json()


async def test_letters_are_listed_and_shown(bus: Bus, api: httpx.AsyncClient) -> None:
    """By what went wrong; one whole, with its cure and the event that it is about."""
    first = await given_up(bus, "a")
    await given_up(bus, "b")
    await given_up(bus, "c", "engine_unavailable")

    (alike, other) = (await answer(api, "/api/deadletters"))["items"]
    one = await answer(api, f"/api/deadletters/{first}")
    missing = await api.get("/api/deadletters/builder:EVENTS:99")

    assert (alike["count"], alike["code"], other["count"]) == (2, "build_failed", 1)
    assert alike["reason"] == "function … has no Dockerfile"
    assert (one["id"], one["state"], one["hint"]) == (first, "open", "add one")
    assert (one["event"], one["type"]) == ("started:1:a", "run.build-started/1")
    assert (missing.status_code, missing.json()["code"]) == (404, "letter_unknown")


async def test_letters_are_redriven_and_dropped(bus: Bus, api: httpx.AsyncClient) -> None:
    """Each by one fact with who asked for it; what is settled cannot be settled again."""
    ids = [await given_up(bus, name) for name in "abc"]

    some = await post(api, "/api/deadletters/redrive", consumer="builder", max=2)
    dropped = await post(api, f"/api/deadletters/{ids[2]}/drop", reason="gone")
    again = await post(api, f"/api/deadletters/{ids[2]}/drop", 409, reason="gone")
    rest = await answer(api, "/api/deadletters")

    assert [one["id"] for one in some["items"]] == ids[:2]
    assert some["left"] == 1
    redriven = await bus.log.get(some["items"][0]["seq"])
    assert redriven.fact == DeadletterRedriven("builder", "EVENTS", 1)
    assert redriven.actor
    assert (await bus.log.get(dropped["seq"])).fact == DeadletterDropped("gone")
    assert (again["code"], rest["items"]) == ("letter_settled", [])


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"all": True, "ids": ["x"]}, 422),
        ({"all": True, "max": 0}, 400),
        ({"x": 1}, 400),
    ],
)
async def test_which_letters_has_to_be_said(
    api: httpx.AsyncClient, body: dict[str, Any], status: int
) -> None:
    """Nothing is tried again by mistake."""
    await post(api, "/api/deadletters/redrive", status, **body)


async def test_a_delivery_is_resent(bus: Bus, api: httpx.AsyncClient) -> None:
    """The answer waits for intake, and says what came of it; or that nobody took it."""

    async def intake() -> None:
        async for event in bus.follow.events(after=1):
            if isinstance(event.fact, DeliveryResendRequested):
                fact = DeliveryResent(request=event.seq, reason="nothing was missing")
                id = event_id("test", event.id, fact)
                await bus.log.append(fact, of=event.of, id=id, cause=event)
                return

    path = "/api/deliveries/github/d-1/resend"
    late = await post(api, f"{path}?wait=0.1")
    answering = asyncio.create_task(intake())
    told = await post(api, path)
    await answering

    assert (late["taken"], late["seq"]) == (False, 1)
    assert (told["taken"], told["facts"], told["reason"]) == (True, [], "nothing was missing")
    asked = await bus.log.get(told["seq"])
    assert (asked.of.forge, asked.of.id) == ("github", "d-1")
