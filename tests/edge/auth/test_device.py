"""The device flow, on a real log: as a device, its person, and somebody who guesses see it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import httpx
import pytest

from bus.connection import Bus
from edge.auth import device
from edge.auth.asking import Forbidden
from edge.auth.attempts import Attempts
from edge.auth.device import CodeAnswered, CodeUnknown, Devices
from edge.auth.device_endpoints import DeviceEndpoints
from edge.auth.device_words import AUTHORIZATION, GRANT, TOKEN
from edge.auth.door import Door, TooManyAttempts
from edge.auth.issuing import ScopeRefused
from edge.auth.people import PLATFORM, Caller, Person
from edge.auth.room import Auth
from schemas.people import Membership
from tests.edge.auth.office import ALICE, HOST, office, sign_in

VERA = Person("github:5", "github:vera", (Membership("github", "acme", "viewer"),))


class Town(NamedTuple):
    """What devices and people meet."""

    auth: Auth
    devices: Devices
    device: httpx.AsyncClient
    alice: Caller


@pytest.fixture
async def town(bus: Bus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Town]:
    """Yield an installation where a device may ask as often as it likes."""
    monkeypatch.setattr(device, "INTERVAL", 0.0)
    async with office(bus, tmp_path / "keys") as auth:
        devices = Devices(bus.log, auth.desk)
        door = Door(auth, Door.own_hosts("localhost"))
        app: Any = DeviceEndpoints(devices, door, "http://system.localhost:8080")
        transport = httpx.ASGITransport(app)
        alice = await caller_of(auth, ALICE)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            yield Town(auth, devices, client, alice)


async def caller_of(auth: Auth, person: Person) -> Caller:
    """Return somebody who has just signed in."""
    token = await sign_in(auth, person, attempt=person.user)
    found = auth.verifier.known(b"", token.encode(), HOST)
    assert found
    return found


async def asks(town: Town, **form: str) -> dict[str, Any]:
    """Have a device ask for codes."""
    answer = await town.device.post(AUTHORIZATION, data={"client_id": "cli", **form})
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    found: dict[str, Any] = answer.json()
    return found


async def fetches(town: Town, codes: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Have a device ask for its token."""
    form = {"grant_type": GRANT, "device_code": codes["device_code"], "client_id": "cli"}
    answer = await town.device.post(TOKEN, data=form)
    return answer.status_code, answer.json()


async def test_a_device_gets_a_token_once_its_person_agrees(town: Town, bus: Bus) -> None:
    """Pending until then; the token is the person's, and good at once; fetched twice it is not."""
    codes = await asks(town, name="pushline on laptop")
    before = await fetches(town, codes)
    shown = await town.devices.pending(codes["user_code"].lower(), town.alice)
    await town.devices.approve(codes["user_code"], town.alice, "here")
    status, got = await fetches(town, codes)
    again = await fetches(town, codes)

    assert before == (400, before[1])
    assert before[1]["error"] == "authorization_pending"
    assert (shown.client, shown.source) == ("pushline on laptop", "here")
    assert (status, got["token_type"]) == (200, "Bearer")
    assert 89 * 86400 < got["expires_in"] <= 90 * 86400
    caller = town.auth.verifier.known(got["access_token"].encode(), b"", HOST)
    assert caller
    assert (caller.login, caller.role("github", "alice")) == (ALICE.login, "owner")
    assert (again[0], again[1]["error"]) == (400, "invalid_grant")
    log = str([event async for event in bus.follow.events(after=0, until=await bus.log.head())])
    for secret in (codes["device_code"], codes["user_code"], got["access_token"]):
        assert secret not in log
        assert secret.replace("-", "") not in log


async def test_of_two_that_fetch_at_once_one_gets_it(town: Town) -> None:
    """Whoever listens to the device's line comes second, or the device does and sees it."""
    codes = await asks(town)
    await town.devices.approve(codes["user_code"], town.alice, "here")

    found = await asyncio.gather(*(fetches(town, codes) for _ in range(5)))

    assert sorted(status for status, _ in found) == [200, 400, 400, 400, 400]
    assert len(town.auth.book.tokens.rows) == 1


async def test_what_it_asks_for_is_what_it_gets(town: Town) -> None:
    """Scopes, tenants and days are the device's wish and shown to its person."""
    codes = await asks(town, name="ci", scope="push read", tenants="github/alice", days="7")
    shown = await town.devices.approve(codes["user_code"], town.alice, "here")
    _, got = await fetches(town, codes)

    assert (shown.scopes, shown.tenants, shown.days) == (("read", "push"), ("github/alice",), 7)
    assert got["scope"] == "read push"
    (row,) = town.auth.book.tokens.rows.values()
    assert (row.name, row.scopes, row.tenants) == ("ci", ("read", "push"), ("github/alice",))


async def test_nobody_gives_away_what_is_not_his(town: Town) -> None:
    """A viewer's device may read; one that wants to push is not let in by him."""
    vera = await caller_of(town.auth, VERA)
    codes = await asks(town, scope="push")
    with pytest.raises(ScopeRefused, match="push"):
        await town.devices.approve(codes["user_code"], vera, "here")
    everything = await asks(town)

    shown = await town.devices.approve(everything["user_code"], vera, "here")

    assert shown.scopes == ("read", "invoke")
    assert (await fetches(town, codes))[1]["error"] == "authorization_pending"


async def test_a_refused_device_is_told_so(town: Town) -> None:
    """And cannot be let in afterwards."""
    codes = await asks(town)
    await town.devices.refuse(codes["user_code"], town.alice)

    assert (await fetches(town, codes))[1]["error"] == "access_denied"
    with pytest.raises(CodeAnswered):
        await town.devices.approve(codes["user_code"], town.alice, "here")
    assert not town.auth.book.tokens.rows


async def test_a_code_runs_out(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """For the device and for its person, whatever was answered before."""
    monkeypatch.setattr(device, "LIFE", timedelta(seconds=-1))
    codes = await asks(town)

    with pytest.raises(CodeUnknown):
        await town.devices.approve(codes["user_code"], town.alice, "here")
    assert (await fetches(town, codes))[1]["error"] == "expired_token"


async def test_guesses_end_soon(town: Town) -> None:
    """Ten wrong codes a minute: then the right one is not looked at either, for that person."""
    codes = await asks(town)
    vera = await caller_of(town.auth, VERA)
    for number in range(11):
        with pytest.raises(CodeUnknown):
            await town.devices.pending(f"BBBB-BB{number:02}", vera)
    with pytest.raises(TooManyAttempts):
        await town.devices.pending(codes["user_code"], vera)

    await town.devices.pending(codes["user_code"], town.alice)


async def test_only_people_let_devices_in(town: Town) -> None:
    """A token makes no tokens, nor does whoever has the platform's."""
    codes = await asks(town)
    token = Caller(kind="token", user="github:1", login="github:Alice", scopes=frozenset(("read",)))
    for caller in (token, PLATFORM):
        with pytest.raises(Forbidden):
            await town.devices.approve(codes["user_code"], caller, "here")


async def test_who_asks_too_fast_is_slowed_down(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As RFC 8628 has it; and he who asks for many codes waits."""
    monkeypatch.setattr(device, "INTERVAL", 60.0)
    codes = await asks(town)
    assert (await fetches(town, codes))[1]["error"] == "authorization_pending"
    assert (await fetches(town, codes))[1]["error"] == "slow_down"

    town.devices.begun = Attempts(each=1)
    await asks(town)
    answer = await town.device.post(AUTHORIZATION, data={"client_id": "cli"})
    assert (answer.status_code, answer.json()["error"]) == (429, "slow_down")
    assert int(answer.headers["retry-after"]) > 0


@pytest.mark.parametrize(
    ("path", "form", "error"),
    [
        (TOKEN, {}, "unsupported_grant_type"),
        (TOKEN, {"grant_type": "password"}, "unsupported_grant_type"),
        (TOKEN, {"grant_type": GRANT}, "invalid_grant"),
        (TOKEN, {"grant_type": GRANT, "device_code": "x" * 9000}, "invalid_request"),
        (TOKEN, {"grant_type": GRANT, "device_code": "../../ev.>"}, "invalid_grant"),
        (AUTHORIZATION, {}, "invalid_request"),
        (AUTHORIZATION, {"client_id": "c", "scope": "everything"}, "invalid_scope"),
        (AUTHORIZATION, {"client_id": "c", "days": "9999"}, "invalid_request"),
        (AUTHORIZATION, {"client_id": "a\nb"}, "invalid_request"),
        (AUTHORIZATION, {"client_id": "c", "tenants": "acme"}, "invalid_request"),
    ],
)
async def test_what_is_sent_wrongly_is_named(
    town: Town, path: str, form: dict[str, str], error: str
) -> None:
    """In OAuth's words; nothing is written."""
    answer = await town.device.post(path, data=form)
    assert answer.json()["error"] == error
    twice = await town.device.post(path, content=urlencode([("a", "1"), ("a", "2")]))
    assert (twice.status_code, twice.json()["error"]) == (400, "invalid_request")
    assert (await town.device.get(path)).status_code == 405
