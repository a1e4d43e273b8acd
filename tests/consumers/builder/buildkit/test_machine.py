"""What a daemon says of itself, and what it may forget."""

import os

from consumers.builder.buildkit import Client, FolderContext
from tests.consumers.builder.buildkit.conftest import Folder
from tests.consumers.builder.buildkit.kitchen import build


async def test_workers_know_their_platforms(client: Client) -> None:
    """Each worker has an id, labels, and what it can build for."""
    workers = await client.workers()

    assert all(worker.id and worker.labels for worker in workers)
    assert all(name.startswith("linux/") for worker in workers for name in worker.platforms)
    assert client.kind == "engine"


async def test_info_names_the_package(client: Client) -> None:
    """A daemon that is new enough says which BuildKit it is."""
    assert (await client.info()).package == "github.com/moby/buildkit"


async def test_what_a_build_leaves_can_be_seen_and_removed(client: Client, folder: Folder) -> None:
    """Usage grows by a build, filters choose, and prune gives back what it removed."""
    await build(client, FolderContext(folder(f"RUN echo {os.urandom(8).hex()} >/file\n")))
    used = {record.id: record for record in await client.disk_usage()}
    regular = await client.disk_usage("type==regular")
    assert regular
    assert {record.id for record in regular} < set(used)
    assert any("exec " in record.description and record.last_used for record in regular)

    kept = await client.prune(keep_seconds=3600)
    removed = await client.prune(all=True)

    assert kept == []
    assert {record.id for record in regular} <= {record.id for record in removed}
    assert sum(record.size for record in removed) > 0
