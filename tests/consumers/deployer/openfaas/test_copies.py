"""Copies of secrets at a gateway follow the store: a real log and store, a strict gateway."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from bus.connection import Bus
from consumers.deployer.desired import desired
from consumers.deployer.openfaas.client import Gateway as Client
from consumers.deployer.openfaas.copies import GatewayCopies
from consumers.secrets.consumer import Sweeper
from consumers.secrets.keyfile import KeyFile
from consumers.secrets.store import Secrets
from schemas.envelope import Aggregate, Recorded, tenant
from schemas.events.function import (
    FunctionDeployed,
    FunctionDeployFailed,
    FunctionDeployStarted,
    FunctionRemoved,
)
from schemas.events.run import RunQueued
from schemas.events.secret import SecretRemoved, SecretSealed
from schemas.events.tenant import TenantLabelled
from schemas.repository import Repository
from schemas.secrets import Scope
from schemas.stack_spec import FunctionSpec
from tests.heavy.gateway.played import Gateway

SHA, IMAGE = "a" * 40, "sha256:" + "1" * 64
SHOP = Scope("github", "Alice/shop", "7")
ALL = Scope("github", "alice")


def function(name: str, project: str = "7") -> Aggregate:
    """Return a function in production."""
    return Aggregate("github", project, "function", f"production/{name}")


class Place:
    """A gateway, the store whose values it is given, and a log of what runs there."""

    def __init__(self, bus: Bus, store: Secrets, client: Client, gateway: Gateway) -> None:
        self.bus = bus
        self.store = store
        self.gateway = gateway
        fold = desired(name="secret-copies")
        self.fold = fold
        self.sealed: set[str] = set()  # that the cluster has of a secrets.yml
        copies = GatewayCopies(
            client, store, bus.log, bus.blobs, fold, "", sealed=self.sealed.__contains__
        )
        self.sweeper = Sweeper(bus.blobs, copies)

    @property
    def held(self) -> dict[str, bytes]:
        """Return what the gateway has."""
        return self.gateway.secrets

    async def queued(self, name: str, project: str = "7", generation: int = 1) -> str:
        """Queue a run that is to deploy a function; return its id."""
        run = Aggregate("github", project, "run", f"01RUN{name}{generation}")
        queued = RunQueued(
            environment="production",
            generation=generation,
            branch="main",
            sha=SHA,
            repository=Repository("Alice", f"repo{project}", "main"),
            label="alice",
        )
        await self.bus.log.append(queued, of=run, id=f"queued:{run.id}")
        return run.id

    async def started(self, name: str) -> None:
        """Have the first revision of a function being deployed."""
        run = await self.queued(name)
        fact = FunctionDeployStarted(run=run, generation=1, revision="b-1", image=IMAGE)
        await self.bus.log.append(fact, of=function(name), id=f"started:{name}")

    async def ended(self, name: str) -> None:
        """Tell the sweeper how the newest deploy of a function ended."""
        event: Recorded[FunctionDeployed | FunctionDeployFailed] | None = await self.bus.log.last(
            function(name), FunctionDeployed, FunctionDeployFailed
        )
        assert event
        await self.sweeper.handle(event)

    async def deployed(
        self, name: str, *secrets: str, project: str = "7", generation: int = 1
    ) -> None:
        """Have a function live that was given secrets, as the deployer gives them."""
        run = await self.queued(name, project, generation)
        spec = FunctionSpec(name=name, language="exec", handler=".", secrets=secrets)
        fact = FunctionDeployed(
            run=run,
            generation=generation,
            revision="aaaaaaa-1",
            image=IMAGE,
            spec=await self.bus.blobs.put(msgspec.json.encode(spec)),
            sha=SHA,
            label="alice",
            environment="production",
            function=name,
            upstream="http://gateway/function/x",
            start_ms=1,
        )
        await self.bus.log.append(fact, of=function(name, project), id=f"deployed:{run}")
        for secret in secrets:
            value = await self.store.open("github", project, "alice", secret)
            if value is not None:
                self.gateway.kept["openfaas-fn", f"alice-{secret}"] = value

    async def removed(self, name: str, project: str = "7") -> None:
        """Have a function removed, and the sweeper told so."""
        of = function(name, project)
        fact = FunctionRemoved("alice", "production", name)
        await self.bus.log.append(fact, of=of, id=f"removed:{name}")
        event = await self.bus.log.last(of, FunctionRemoved)
        assert event
        await self.sweeper.handle(event)

    async def told(self, scope: Scope, name: str) -> None:
        """Tell the sweeper of the newest fact about a secret, twice."""
        event: Recorded[SecretSealed | SecretRemoved] | None = await self.bus.log.last(
            scope.secret(name), SecretSealed, SecretRemoved
        )
        assert event
        await self.sweeper.handle(event)
        await self.sweeper.handle(event)


@pytest.fixture
async def place(bus: Bus, tmp_path: Path, client: Client, gateway: Gateway) -> AsyncIterator[Place]:
    """Yield a place where alice has a label, a secret of her shop and one of all her projects."""
    store = Secrets(bus.log, bus.blobs, KeyFile(tmp_path / "keys"))
    await bus.log.append(TenantLabelled("alice"), of=tenant("github", "Alice"), id="label")
    await store.put(SHOP, "own", b"own-1", by="alice")
    await store.put(ALL, "all", b"all-1", by="alice")
    made = Place(bus, store, client, gateway)
    folding = asyncio.create_task(made.fold.run(bus.follow))
    yield made
    folding.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await folding


async def test_a_new_value_reaches_the_functions_that_use_it(place: Place) -> None:
    """Of a project and of a tenant; one that no function uses is not made there."""
    await place.deployed("web", "own", "all")
    await place.deployed("other", "all", project="8")
    await place.store.put(SHOP, "own", b"own-2", by="alice")
    await place.told(SHOP, "own")
    await place.store.put(ALL, "all", b"all-2", by="alice")
    await place.told(ALL, "all")
    await place.store.put(SHOP, "unused", b"x", by="alice")
    await place.told(SHOP, "unused")

    assert place.held == {"alice-own": b"own-2", "alice-all": b"all-2"}


async def test_another_projects_value_is_not_taken_for_its_own(place: Place) -> None:
    """A function gets what its project and its tenant have, whoever sets what."""
    await place.deployed("other", "all", project="8")
    await place.store.put(SHOP, "all", b"of the shop", by="alice")
    await place.told(SHOP, "all")
    await place.store.put(Scope("github", "alicia"), "all", b"of another", by="alicia")
    await place.told(Scope("github", "alicia"), "all")

    assert place.held == {"alice-all": b"all-1"}


async def test_a_removed_secret_stays_where_a_function_lives_by_it(place: Place) -> None:
    """Until its next deploy; the copy goes with the last function that needs it."""
    await place.deployed("web", "own", "all")
    await place.deployed("api", "all")
    await place.store.remove(SHOP, "own", by="alice")
    await place.told(SHOP, "own")
    kept = dict(place.held)

    await place.removed("web")
    without_web = dict(place.held)
    await place.removed("api")

    assert kept == {"alice-own": b"own-1", "alice-all": b"all-1"}
    assert without_web == {"alice-all": b"all-1"}
    assert place.held == {}


async def test_a_removed_secret_that_nobody_uses_goes_at_once(place: Place) -> None:
    """Left over from a stack that names it no more."""
    await place.deployed("web", "all")
    place.gateway.kept["openfaas-fn", "alice-own"] = b"own-1"

    await place.store.remove(SHOP, "own", by="alice")
    await place.told(SHOP, "own")

    assert place.held == {"alice-all": b"all-1"}


async def test_what_was_made_by_hand_is_not_touched(place: Place) -> None:
    """Our store never had it: it is not ours to remove."""
    place.gateway.kept["openfaas-fn", "alice-hand"] = b"by hand"
    await place.deployed("web", "hand")

    await place.removed("web")

    assert place.held == {"alice-hand": b"by hand"}


async def test_nothing_is_removed_while_a_function_is_being_deployed(place: Place) -> None:
    """It may just have been given what nobody live needs."""
    await place.deployed("web", "own")
    await place.started("api")

    await place.removed("web")

    assert place.held == {"alice-own": b"own-1"}


async def test_a_secret_that_no_stack_names_any_more_goes_with_the_deploy(place: Place) -> None:
    """What another function has stays, and so does what is not ours: by hand, sealed, a-b's."""
    foreign = {"alice-hand": b"by hand", "alice-pin": b"sealed", "alice--b-own": b"another's"}
    for name, value in foreign.items():
        place.gateway.kept["openfaas-fn", name] = value
    await place.store.put(SHOP, "pin", b"x", by="alice")
    await place.store.remove(SHOP, "pin", by="alice")  # it was ours until it was sealed
    place.sealed.add("alice-pin")
    await place.deployed("web", "own", "all")
    await place.deployed("api", "all")

    await place.deployed("web", generation=2)
    await place.ended("web")
    await place.ended("web")

    assert place.held == {"alice-all": b"all-1", **foreign}


async def test_the_last_deploy_of_a_push_takes_what_waited_for_it(place: Place) -> None:
    """While one of its functions is being deployed all stays, though that one fails."""
    await place.deployed("web", "own")
    await place.started("api")
    await place.deployed("web", generation=2)
    await place.ended("web")
    kept = dict(place.held)
    failed = FunctionDeployFailed("01RUNapi1", 1, "b-1", "deploy_failed", "it ended")
    await place.bus.log.append(failed, of=function("api"), id="failed")

    await place.ended("api")

    assert (kept, place.held) == ({"alice-own": b"own-1"}, {})


async def test_who_begins_while_a_copy_goes_gets_it_back(
    place: Place, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deploy that was given a secret just before: it is written again."""
    await place.deployed("web", "own")
    await place.deployed("web", generation=2)
    delete = client.delete_secret

    async def late(name: str, namespace: str = "") -> bool:
        await place.started("api")
        return await delete(name, namespace)

    monkeypatch.setattr(client, "delete_secret", late)
    await place.ended("web")

    assert place.held == {"alice-own": b"own-1"}
