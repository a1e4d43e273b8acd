"""The played gateway runs images for real: built, pushed, pulled by digest, asked over HTTP."""

import asyncio
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from consumers.deployer.openfaas.client import Gateway as Client
from consumers.deployer.openfaas.platform import OpenFaasPlatform
from consumers.deployer.openfaas.settings import GatewaySettings
from consumers.deployer.platform import Revision
from schemas.errors import DeployFailed
from tests.consumers.builder.kitchen import Kitchen, named
from tests.consumers.deployer.machine import revision_of, until
from tests.heavy.engines import Engine
from tests.heavy.gateway.containers import Containers
from tests.heavy.gateway.played import Gateway
from tests.heavy.registries import PASSWORD, USER, OwnRegistry, guarded

__all__ = ["guarded"]  # fixture

SERVES = """PATH=/bin
busybox mkdir /tmp/www
busybox echo "$WORD $(busybox cat /var/openfaas/secrets/alice-key)" >/tmp/www/index.html
busybox echo "started with $WORD"
exec busybox httpd -f -p 8080 -h /tmp/www
"""
ENDS = "/bin/busybox echo cannot find my words\nexit 3\n"


@pytest.fixture
def kitchen(tmp_path: Path, engine: Engine, guarded: OwnRegistry) -> Kitchen:
    """Return a container builder with an empty home."""
    return Kitchen(tmp_path, engine.socket, guarded.host)


@pytest.fixture
async def platform(gateway: Gateway, engine: Engine) -> AsyncIterator[OpenFaasPlatform]:
    """Yield a platform whose gateway runs containers."""
    gateway.runner = Containers(engine.socket, USER, PASSWORD)
    gateway.kept["openfaas-fn", "alice-key"] = b"open"
    client = Client(gateway.url, gateway.user, gateway.password)
    yield OpenFaasPlatform(client, GatewaySettings(url=gateway.url, seconds=15))
    await client.close()


async def built(kitchen: Kitchen, number: int, program: str) -> Revision:
    """Return a revision whose image runs a program of the shell."""
    steps = 'COPY run.sh /run.sh\nCMD ["/bin/busybox", "sh", "/run.sh"]'
    image = await kitchen.build(named("words"), {**kitchen.runs(steps), "run.sh": program})
    return revision_of(
        f"abcdef0-{number}",
        generation=number,
        image=image.image,
        reference=image.reference,
        variables={"WORD": f"word{number}"},
        secrets=("key",),
        readonly_root_filesystem=True,
    )


def fetched(url: str) -> str:
    """Return what a function answers."""
    with urllib.request.urlopen(url, timeout=20) as answer:  # noqa: S310 - ours
        return str(answer.read().decode().strip())


async def test_revisions_are_containers_by_digest(
    kitchen: Kitchen, gateway: Gateway, platform: OpenFaasPlatform
) -> None:
    """The first answers, one that ends at once fails with its words, the third takes the place."""
    running = await platform.deploy(await built(kitchen, 1, SERVES))
    first = await asyncio.to_thread(fetched, f"{running.upstream}/")

    with pytest.raises(DeployFailed, match="cannot find my words"):
        await platform.deploy(await built(kitchen, 2, ENDS))
    still = await asyncio.to_thread(fetched, f"{running.upstream}/")
    await platform.deploy(await built(kitchen, 3, SERVES + "\n"))

    async def third() -> bool:  # the gateway rolls: the old one answers until the new one does
        return await asyncio.to_thread(fetched, f"{running.upstream}/") == "word3 open"

    await until(third)

    assert [first, still] == ["word1 open", "word1 open"]
    assert [*gateway.functions] == ["alice-hello"]
    lines = [line["text"] for where, line in gateway.printed if where.endswith("/alice-hello")]
    assert lines == ["started with word1", "started with word3"]
