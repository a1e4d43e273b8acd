"""A build's secrets, from a real store: its project's own, or its tenant's."""

from pathlib import Path

from bus.connection import Bus
from consumers.builder.images import Order
from consumers.secrets.keyfile import KeyFile
from consumers.secrets.store import Secrets
from edge.cli.build_secrets import OrderedSecrets
from schemas.envelope import Aggregate
from schemas.repository import Repository
from schemas.secrets import Scope
from schemas.stack import FunctionSpec

DIGEST = "sha256:" + "0" * 64


async def test_an_order_says_whose_secrets_are_meant(bus: Bus, tmp_path: Path) -> None:
    """The run has the forge and the project's id, the repository its owner."""
    store = Secrets(bus.log, bus.blobs, KeyFile(tmp_path / "keys"))
    await store.put(Scope("github", "alice/shop", "7"), "own", b"of shop", by="alice")
    await store.put(Scope("github", "alice"), "all", b"of alice", by="alice")
    await store.put(Scope("github", "bob"), "his", b"of bob", by="bob")
    order = Order(
        archive=DIGEST,
        spec=FunctionSpec(name="hello", language="dockerfile", handler="./hello"),
        run=Aggregate("github", "7", "run", "01JD8Z6Q5V0000000000000001"),
        repository=Repository("Alice", "shop", "main"),
        branch="main",
        sha="a" * 40,
    )
    secrets = OrderedSecrets(store)

    found = [await secrets.open(order, name) for name in ("own", "all", "his", "none")]

    assert found == [b"of shop", b"of alice", None, None]
