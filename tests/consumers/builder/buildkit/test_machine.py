"""What a daemon says of itself, and what it may forget."""

import os
from pathlib import Path

import grpc
import pytest

from consumers.builder.buildkit import Client, FolderContext, Info, TooOld
from consumers.builder.pb import control_pb2 as pb
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


async def test_an_old_daemon_cannot_say_which_it_is(tmp_path: Path) -> None:
    """A daemon without the call Info, as BuildKit was before 0.11, is talked to all the same."""
    server = grpc.aio.server()
    workers = grpc.unary_unary_rpc_method_handler(
        _one_worker, pb.ListWorkersRequest.FromString, pb.ListWorkersResponse.SerializeToString
    )
    control = grpc.method_handlers_generic_handler(
        "moby.buildkit.v1.Control", {"ListWorkers": workers}
    )
    server.add_generic_rpc_handlers((control,))
    server.add_insecure_port(f"unix:{tmp_path}/old.sock")
    await server.start()

    async with Client.connect(f"unix://{tmp_path}/old.sock") as client:
        assert await client.info() == Info()
        assert [worker.id for worker in await client.workers()] == ["old"]
        with pytest.raises(TooOld):
            await client.disk_usage()

    await server.stop(None)


async def _one_worker(_: object, __: object) -> pb.ListWorkersResponse:
    return pb.ListWorkersResponse(record=[pb.WorkerRecord(ID="old")])


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
