"""Which secrets a run gets, as source asks: the real store, and a gateway played by its rules."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from bus.connection import Bus
from consumers.deployer.openfaas.client import Gateway as Client
from consumers.secrets.keyfile import KeyFile
from consumers.secrets.store import Secrets
from consumers.source.secrets import Need
from edge.cli.known_secrets import GatewayToo, StoredSecrets
from schemas.envelope import Aggregate, tenant
from schemas.events.run import Problem, RunQueued
from schemas.events.tenant import TenantRenamed
from schemas.repository import Repository
from schemas.secrets import Scope
from tests.heavy.gateway.played import Gateway

RUN = Aggregate("github", "7", "run", "01JD8Z6Q5V0000000000000000")
QUEUED = RunQueued(
    environment="production",
    generation=1,
    branch="main",
    sha="0" * 40,
    repository=Repository("a-b", "shop", "main"),
    label="a-b",
)
PREVIEW = msgspec.structs.replace(QUEUED, environment="pr-1")
NAMES = ("own", "tenants", "shown", "else", "hand", "gone")
NEEDS = [Need(name=name, at=Problem("")) for name in NAMES]


@pytest.fixture
async def store(bus: Bus, tmp_path: Path) -> Secrets:
    """Return a store with secrets of a project, of its tenant, and of somebody else."""
    secrets = Secrets(bus.log, bus.blobs, KeyFile(tmp_path / "keys"))
    shop = Scope("github", "a-b/shop", "7")
    await secrets.put(shop, "own", b"x", by="ann")
    await secrets.put(Scope("github", "A-B"), "tenants", b"x", by="ann")
    await secrets.put(shop, "shown", b"x", by="ann", environments=("production", "previews"))
    await secrets.put(Scope("github", "eve/shop", "8"), "else", b"x", by="eve")
    await secrets.put(shop, "gone", b"x", by="ann")
    await secrets.remove(shop, "gone", by="ann")
    return secrets


@pytest.fixture
async def client(gateway: Gateway) -> AsyncIterator[Client]:
    """Yield a client that the gateway knows."""
    made = Client(gateway.url, gateway.user, gateway.password)
    yield made
    await made.close()


async def test_the_store_tells_each_kind_apart(store: Secrets) -> None:
    """A project's own and its tenant's are given, previews get what was set for them alone."""
    known = StoredSecrets(store)

    production = await known.held(RUN, QUEUED, NEEDS)
    preview = await known.held(RUN, PREVIEW, NEEDS)

    none = "none"
    assert production == ["given", "given", "given", none, none, none]
    assert preview == ["withheld", "withheld", "given", none, none, none]


async def test_the_store_tells_whose_a_name_is(
    store: Secrets, client: Client, gateway: Gateway, bus: Bus
) -> None:
    """As `secrets rm` takes it; nobody's what the gateway alone has, or had another account."""
    gateway.kept["openfaas-fn", "a-b--hand"] = b"by hand"
    known = GatewayToo(StoredSecrets(store), client, "")

    async def keepers() -> list[str]:
        return [await known.keeper(RUN, QUEUED, name) for name in NAMES]

    assert await keepers() == ["a-b/shop", "a-b", "a-b/shop", "", "", ""]
    await bus.log.append(TenantRenamed("a-c"), of=tenant("github", "a-b"), id="renamed")
    assert await keepers() == ["a-b/shop", "", "a-b/shop", "", "", ""]
    assert (await known.held(RUN, QUEUED, NEEDS))[1] == "none"


async def test_production_may_have_the_gateways_own(
    store: Secrets, client: Client, gateway: Gateway
) -> None:
    """Made by hand under the tenant's name it counts; a build and a preview do not get it."""
    gateway.kept["openfaas-fn", "a-b--hand"] = b"by hand"
    gateway.kept["openfaas-fn", "a-b-else"] = b"of the tenant a"
    known = GatewayToo(StoredSecrets(store), client, "")
    build = [Need(name="hand", at=Problem(""), of="build")]

    assert (await known.held(RUN, QUEUED, NEEDS))[3:] == ["none", "given", "none"]
    assert (await known.held(RUN, PREVIEW, NEEDS))[3:] == ["none", "none", "none"]
    assert await known.held(RUN, QUEUED, build) == ["none"]


async def test_a_gateway_that_is_down_stops_no_build(
    store: Secrets, client: Client, gateway: Gateway
) -> None:
    """Whoever deploys will ask it again; what the store has is known all the same."""
    gateway.weather.status, gateway.weather.only = 503, "GET /system/secrets"
    known = GatewayToo(StoredSecrets(store), client, "")

    assert await known.held(RUN, QUEUED, NEEDS) == ["given"] * len(NEEDS)
