"""Two router processes and one log: keys rotate, sessions and tokens end, routers start again."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
import pytest

from bus.connection import Bus
from edge.auth.room import Auth
from edge.auth.signing import new_key
from edge.router.settings import RouterSettings
from schemas.envelope import Aggregate, tenant
from schemas.events.function import FunctionDeployed
from schemas.events.tenant import TenantLabelled
from schemas.route import RouteOptions
from tests.edge.auth.office import HOST, office, sign_in
from tests.edge.router.process import Process, routing
from tests.edge.router.wire import Caller, calling, echo, get, upstream

SETTLED = timedelta(seconds=0.5)
NOBODYS = "nats://127.0.0.1:1"
SOON = 1.0  # seconds within which a revocation is everywhere


@dataclass
class Calls:
    """Callers that ask without a pause, each with the newest token, and what they were told."""

    token: str
    over: bool = False
    good: list[int] = field(default_factory=list)
    bad: list[int] = field(default_factory=list)

    async def keep(self, router: Process, forged: str) -> None:
        """Ask until it is over: with a good token, and now and then with a forged one."""
        async with calling(router.port) as caller:
            for number in itertools.count():
                if self.over:
                    return
                if number % 10:
                    self.good.append(await ask(caller, cookie(self.token)))
                else:
                    self.bad.append(await ask(caller, cookie(forged)))
                await asyncio.sleep(0.001)


def cookie(token: str) -> str:
    """Return the header line of a session's token."""
    return f"Cookie: pushline={token}"


def bearer(token: str) -> str:
    """Return the header line of an API token."""
    return f"Authorization: Bearer {token}"


async def ask(caller: Caller, header: str, path: str = "/closed") -> int:
    """Return the status of a call."""
    return (await caller.ask(get(path, header, host=HOST))).status


async def deployed(bus: Bus, function: str, policy: str) -> None:
    """Let a function of alice's be live, behind a socket that echoes."""
    fact = FunctionDeployed(
        run="01JD8Z6Q5V",
        generation=1,
        revision="1",
        image="sha256:" + "1" * 64,
        spec="sha256:" + "2" * 64,
        sha="3" * 40,
        label="alice",
        environment="production",
        function=function,
        upstream="unix:fn.sock",
        route=RouteOptions(policy=policy),
    )
    of = Aggregate("github", "1", "function", f"production/{function}")
    await bus.log.append(fact, of=of, id=f"test:{function}")


@pytest.fixture
async def auth(bus: Bus, run: Path, tmp_path: Path) -> AsyncIterator[Auth]:
    """Yield auth of an installation where alice has two closed functions."""
    labelled = TenantLabelled(label="alice")
    await bus.log.append(labelled, of=tenant("github", "alice"), id="test:label")
    await deployed(bus, "closed", "members")
    await deployed(bus, "machines", "token")
    async with (
        upstream(run / "fn.sock", echo),
        office(bus, tmp_path / "keys", settled=SETTLED) as made,
    ):
        yield made


@asynccontextmanager
async def two(bus: Bus, run: Path, *, log: bool = True) -> AsyncIterator[list[Process]]:
    """Yield two router processes, each with a home of its own; without ``log`` it is away."""
    async with AsyncExitStack() as stack:
        routers = []
        for name in ("one", "other"):
            settings = RouterSettings(
                home=run / name,
                run=run,
                nats_url=bus.settings.nats_url if log else NOBODYS,
                access_log=run / "access.log",
            )
            routers.append(await stack.enter_async_context(routing(settings)))
        yield routers


async def everywhere(routers: list[Process], header: str, path: str, status: int) -> float:
    """Wait until each router answers so; return the seconds that the last one took."""
    begun = time.monotonic()
    async with asyncio.timeout(10), AsyncExitStack() as stack:
        for router in routers:
            caller = await stack.enter_async_context(calling(router.port))
            while await ask(caller, header, path) != status:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.005)
    return time.monotonic() - begun


async def test_keys_rotate_under_load_without_one_wrong_answer(
    auth: Auth, bus: Bus, run: Path
) -> None:
    """Three rotations, a sign-in by each new key; a forged token is nobody all the time."""
    calls = Calls(await sign_in(auth, attempt="first"))
    forged = forge(auth, calls.token)
    async with two(bus, run) as routers:
        await everywhere(routers, cookie(calls.token), "/closed", 200)
        asking = [
            asyncio.create_task(calls.keep(router, forged)) for router in routers for _ in range(2)
        ]
        for rotation in range(3):
            fresh = await signed_by(auth, await auth.desk.keys.rotate(by="github:Op"), rotation)
            await everywhere(routers, cookie(fresh), "/closed", 200)
            calls.token = fresh
        calls.over = True
        await asyncio.gather(*asking)

    assert len(auth.desk.keys.jwks()["keys"]) == 4
    assert set(calls.good) == {200}
    assert set(calls.bad) == {401}
    assert len(calls.good) > 500


async def signed_by(auth: Auth, kid: str, rotation: int) -> str:
    """Sign in until a new key's turn has come; return the token."""
    async with asyncio.timeout(10):
        for attempt in itertools.count():
            token = await sign_in(auth, attempt=f"after {rotation}, {attempt}")
            if jwt.get_unverified_header(token)["kid"] == kid:
                return token
            await asyncio.sleep(0.05)
    raise AssertionError


def forge(auth: Auth, token: str) -> str:
    """Return the same token by a key of somebody else, who names ours."""
    head = jwt.get_unverified_header(token)
    body = jwt.decode(token, options={"verify_signature": False})
    assert head["kid"] in auth.book.keys.rows
    return jwt.encode(body, new_key().loaded(), algorithm="ES256", headers={"kid": head["kid"]})


async def test_what_is_revoked_is_refused_within_a_second_by_both(
    auth: Auth, bus: Bus, run: Path
) -> None:
    """A session and a token, each good at both before; others go on."""
    session, other = await sign_in(auth, attempt="a"), await sign_in(auth, attempt="b")
    caller = auth.verifier.known(b"", session.encode(), HOST)
    assert caller is not None
    id, text = await auth.desk.issue_token(
        caller,
        "ci",
        scopes=("invoke",),
        tenants=(),
        until=datetime.now(UTC) + timedelta(days=1),
        source="here",
    )
    async with two(bus, run) as routers:
        for header, path in ((session, "/closed"), (other, "/closed")):
            await everywhere(routers, cookie(header), path, 200)
        await everywhere(routers, bearer(text), "/machines", 200)
        revoking = asyncio.create_task(auth.desk.revoke_token(id, by="github:Alice"))
        token_took = await everywhere(routers, bearer(text), "/machines", 401)
        ending = asyncio.create_task(auth.desk.sign_out(caller, everywhere=False))
        session_took = await everywhere(routers, cookie(session), "/closed", 401)
        still = await everywhere(routers, cookie(other), "/closed", 200)
        await asyncio.gather(revoking, ending)

    assert max(token_took, session_took, still) < SOON


async def test_routers_that_start_again_know_who_is_signed_in_and_who_no_more(
    auth: Auth, bus: Bus, run: Path
) -> None:
    """Killed right after a revocation, the log away: their snapshots have both."""
    gone, stays = await sign_in(auth, attempt="gone"), await sign_in(auth, attempt="stays")
    caller = auth.verifier.known(b"", gone.encode(), HOST)
    assert caller is not None
    snapshots = [run / name / "snapshots" / "auth-people.json" for name in ("one", "other")]
    async with two(bus, run) as routers:  # these end in peace, and leave their snapshots
        await everywhere(routers, cookie(gone), "/closed", 200)
        for router in routers:
            router.child.terminate()
            await asyncio.to_thread(router.child.wait)
    async with two(bus, run) as routers:
        await everywhere(routers, cookie(gone), "/closed", 200)
        await auth.desk.sign_out(caller, everywhere=False)
        await everywhere(routers, cookie(gone), "/closed", 401)
        await written(snapshots, caller.session, there=False)
        for router in routers:
            router.child.kill()

    async with two(bus, run, log=False) as routers:
        await everywhere(routers, cookie(stays), "/closed", 200)
        refused = await everywhere(routers, cookie(gone), "/closed", 401)

    assert refused < SOON


async def written(paths: list[Path], word: str, *, there: bool) -> None:
    """Wait until each of these files is there, with or without a word."""

    def said(path: Path) -> bool:
        return path.exists() and (word in path.read_text()) is there

    async with asyncio.timeout(10):
        while not all(map(said, paths)):  # noqa: ASYNC110 - files of other processes
            await asyncio.sleep(0.01)
