"""Artefacts are taken from where they lie: blobs, bundles, and a real registry."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import msgspec
import pytest
from aiohttp import web

from bus.blobs import DirectoryBlobs
from consumers.builder.recipe import ContainerSettings
from consumers.builder.references import registry
from consumers.builder.registry import IMAGES, Login
from consumers.collector.artefacts import Made
from edge.cli.shelves import ArtefactShelves
from schemas.errors import RegistryUnavailable
from schemas.ids import digest_of
from tests.heavy.registries import PASSWORD, USER, OwnRegistry, guarded

__all__ = ["guarded"]

NOW = datetime(2026, 1, 2, tzinfo=UTC)
LOGIN = Login(USER, PASSWORD)


def settings(host: str, home: Path, pulled: str = "") -> ContainerSettings:
    """Return the builder's settings for a registry, which may be pulled from by another name."""
    return ContainerSettings(
        url="unix:///nowhere",
        registry=registry(pulled or host),
        push_registry=registry(host),
        login=LOGIN,
        work=home,
    )


def image(reference: str) -> Made:
    """Return an image of a registry."""
    return Made("image", reference.partition("@")[2], 1, NOW, reference)


async def pushed(host: str, repository: str) -> str:
    """Push an image of nothing; return its digest."""
    config = b"{}"
    async with aiohttp.ClientSession(f"http://{host}", headers=LOGIN.basic) as session:
        started = await session.post(f"/v2/{repository}/blobs/uploads/")
        place = started.headers["Location"].partition(host)[2]
        await session.put(f"{place}&digest={digest_of(config)}", data=config)
        body = msgspec.json.encode(
            {
                "schemaVersion": 2,
                "mediaType": IMAGES[0],
                "config": {
                    "mediaType": "application/vnd.oci.image.config.v1+json",
                    "digest": digest_of(config),
                    "size": len(config),
                },
                "layers": [],
            }
        )
        digest = digest_of(body)
        path = f"/v2/{repository}/manifests/{digest}"
        done = await session.put(path, data=body, headers={"Content-Type": IMAGES[0]})
        assert done.status == 201, await done.text()
        return digest


async def status(host: str, path: str) -> int:
    """Return what a registry answers about an image."""
    headers = {**LOGIN.basic, "Accept": IMAGES[0]}
    async with aiohttp.ClientSession(f"http://{host}", headers=headers) as session:
        return (await session.get(path)).status


async def test_blobs_and_bundles_go_and_twice_is_harmless(tmp_path: Path) -> None:
    """An archive's blob and a bundle's folder are gone; their neighbours stay."""
    blobs = DirectoryBlobs(tmp_path / "blobs")
    gone, kept = await blobs.put(b"gone"), await blobs.put(b"kept")
    for digest in (gone, kept):
        (tmp_path / "bundles" / digest.removeprefix("sha256:") / "bundle").mkdir(parents=True)
    shelves = ArtefactShelves(blobs, tmp_path / "bundles", None)

    for _ in range(2):
        assert await shelves.delete(Made("archive", gone, 1, NOW))
        assert await shelves.delete(Made("image", gone, 1, NOW))

    assert not await blobs.has(gone)
    assert await blobs.has(kept)
    assert [path.name for path in (tmp_path / "bundles").iterdir()] == [kept[7:]]


async def test_image_goes_where_it_was_pushed_to(guarded: OwnRegistry, tmp_path: Path) -> None:
    """It is deleted by the name it is pushed by, though it is pulled by another."""
    digest = await pushed(guarded.host, "acme/shop-fn")
    assert await status(guarded.host, f"/v2/acme/shop-fn/manifests/{digest}") == 200
    told = settings(guarded.host, tmp_path, pulled="registry.inside:5000")
    shelves = ArtefactShelves(DirectoryBlobs(tmp_path), tmp_path, told)

    for _ in range(2):
        assert await shelves.delete(image(f"registry.inside:5000/acme/shop-fn@{digest}"))

    assert await status(guarded.host, f"/v2/acme/shop-fn/manifests/{digest}") == 404


async def test_image_of_another_registry_is_left(guarded: OwnRegistry, tmp_path: Path) -> None:
    """What an earlier registry holds is not looked for in this one."""
    digest = await pushed(guarded.host, "acme/other-fn")
    shelves = ArtefactShelves(DirectoryBlobs(tmp_path), tmp_path, settings(guarded.host, tmp_path))

    assert not await shelves.delete(image(f"elsewhere:5000/acme/other-fn@{digest}"))

    assert await status(guarded.host, f"/v2/acme/other-fn/manifests/{digest}") == 200


@asynccontextmanager
async def answering(status: int) -> AsyncIterator[str]:
    """Yield the host of a registry that answers every deletion so."""

    async def refuse(_: web.Request) -> web.Response:
        return web.Response(status=status)

    application = web.Application()
    application.router.add_delete("/v2/{path:.*}", refuse)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_registry_that_never_deletes_is_told_from_one_that_is_down(tmp_path: Path) -> None:
    """405 is an answer for ever; 503 is none, and the image is asked for again."""
    reference = f"acme/fn@{digest_of(b'x')}"
    async with answering(405) as host:
        shelves = ArtefactShelves(DirectoryBlobs(tmp_path), tmp_path, settings(host, tmp_path))
        assert not await shelves.delete(image(f"{host}/{reference}"))
    async with answering(503) as host:
        shelves = ArtefactShelves(DirectoryBlobs(tmp_path), tmp_path, settings(host, tmp_path))
        with pytest.raises(RegistryUnavailable):
            await shelves.delete(image(f"{host}/{reference}"))
