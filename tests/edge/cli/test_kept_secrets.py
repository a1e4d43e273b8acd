"""Secrets where a gateway runs functions in a cluster: both follow the log, neither the other's."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from bus.connection import Bus
from consumers.secrets.consumer import Change, Sweeper
from edge.cli.adapters import Adapters
from edge.cli.home import Endpoint
from edge.cli.kept_secrets import kept_secrets
from edge.cli.platform_settings import Forge, PlatformSettings
from edge.cli.settings import Settings
from schemas.envelope import Aggregate, Recorded
from schemas.events import Event
from schemas.events.function import FunctionDeployed, FunctionRemoved
from schemas.sealed import SealedRefused
from schemas.secrets import Scope
from schemas.stack_spec import FunctionSpec
from tests.consumers.secrets.test_binding import bind, queued, sealed, unwanted
from tests.heavy.cluster.played import NAMESPACE, Cluster, served
from tests.heavy.gateway.played import Gateway

WEB = Aggregate("github", "7", "function", "production/web")


class Place(NamedTuple):
    """A gateway in a cluster, and what keeps both in step with the log."""

    bus: Bus
    cluster: Cluster
    gateway: Gateway
    parts: Adapters
    sweeper: Sweeper

    async def told(self, fact: Change) -> None:
        """Record a fact about the function, and have it handled."""
        await self.bus.log.append(fact, of=WEB, id=f"test:{await self.bus.log.head()}")
        event: Recorded[Change] | None = await self.bus.log.last(WEB, type(fact))
        assert event
        await self.sweeper.handle(event)

    async def bound(self, *names: str) -> Recorded[Event]:
        """Have the project bind these; return what queued its run."""
        cause = await queued(self.bus)
        assert self.parts.binder
        await bind(self.parts.binder, cause, *(sealed(name, key="1") for name in names))
        for name in names:  # a gateway shows what is in its cluster
            self.gateway.kept[NAMESPACE, name] = b"1"
        return cause


@pytest.fixture
async def place(bus: Bus, gateway: Gateway, tmp_path: Path) -> AsyncIterator[Place]:
    """Yield a place as the consumer ``secrets`` makes it of its settings."""
    cluster = Cluster()
    runner = await served(cluster)
    (tmp_path / "token").write_text(cluster.token)
    chosen = Settings(
        platform="openfaas",
        gateway_url=gateway.url,
        gateway_user=gateway.user,
        gateway_password=gateway.password,
        kubernetes_url=cluster.url,
        kubernetes_folder=str(tmp_path),
    )
    now = datetime.now(UTC)
    told = PlatformSettings(
        settings=chosen,
        endpoint=Endpoint(
            url="", host="", port=0, root_domain="", token="", log="", pid=0, started=now,
            version="",
        ),
        home=tmp_path,
        run=tmp_path,
        forge=Forge(""),
        bus=bus.settings,
        tools={},
    )  # fmt: skip
    async with AsyncExitStack() as closing:
        parts = Adapters(told, bus, closing)
        kept = kept_secrets(parts)
        folding = [asyncio.create_task(fold.run(bus.follow)) for fold in kept.folds]
        yield Place(bus, cluster, gateway, parts, Sweeper(bus.blobs, kept))
        for task in folding:
            task.cancel()
        await asyncio.gather(*folding, return_exceptions=True)
    await runner.cleanup()
    assert cluster.faults == []


async def test_what_the_cluster_has_is_not_the_gateways_to_remove(place: Place) -> None:
    """A name that was ours before it was sealed: a deploy without it leaves it alone."""
    shop = Scope("github", "alice/shop", "7")
    for name in ("api", "old"):
        await place.parts.secrets.put(shop, name, b"x", by="alice")
        await place.parts.secrets.remove(shop, name, by="alice")
    place.gateway.kept[NAMESPACE, "alice-old"] = b"x"
    cause = await place.bound("alice-api")
    spec = FunctionSpec(name="web", language="exec", handler=".")
    deployed = FunctionDeployed(
        run=cause.of.id,
        generation=1,
        revision="r-1",
        image="sha256:" + "1" * 64,
        spec=await place.bus.blobs.put(msgspec.json.encode(spec)),
        sha="1" * 40,
        label="alice",
        environment="production",
        function="web",
        upstream="http://gateway/function/x",
    )

    await place.told(deployed)

    assert place.gateway.secrets == {"alice-api": b"1"}
    assert place.cluster.secrets == {"alice-api": {"key": "1"}}


async def test_a_copy_of_ours_makes_way_for_what_is_sealed(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Set here, used, removed, sealed: the copy that a live function had goes; by hand stays."""
    shop = Scope("github", "alice/shop", "7")
    await place.parts.secrets.put(shop, "api", b"x", by="alice")
    await place.parts.secrets.remove(shop, "api", by="alice")
    for name in ("alice-api", "alice-hand"):
        place.gateway.kept[NAMESPACE, name] = b"x"
        place.cluster.unowned.add(name)
    delete = place.parts.gateway.delete_secret

    async def deleted(name: str, namespace: str = "") -> bool:
        place.cluster.unowned.discard(name)  # one cluster behind both
        return await delete(name, namespace)

    monkeypatch.setattr(place.parts.gateway, "delete_secret", deleted)
    await place.bound("alice-api")
    with pytest.raises(SealedRefused, match=r"alice-hand .*already exists"):
        await place.bound("alice-api", "alice-hand")

    assert place.cluster.secrets == {"alice-api": {"key": "1"}}
    assert place.gateway.secrets["alice-hand"] == b"x"


async def test_what_nobody_wants_goes_from_the_cluster(place: Place) -> None:
    """One that the collector names; all of a project with its last function."""
    await place.bound("alice-api", "alice-db")

    await place.sweeper.handle(await unwanted(place.bus, "alice-db"))
    left = set(place.cluster.secrets)
    await place.told(FunctionRemoved("alice", "production", "web"))

    assert (left, place.cluster.secrets) == ({"alice-api"}, {})
