"""Where artefacts lie, for the collector: blobs, bundles of this machine, a registry."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from bus.blobs import Blobs, hex_of
from bus.blocking import run_blocking
from consumers.builder.recipe import ContainerSettings
from consumers.builder.registry import DeletionRefused, RegistryClient
from consumers.collector.artefacts import Made


@dataclass(frozen=True, slots=True)
class ArtefactShelves:
    """The port ``Shelves``."""

    blobs: Blobs
    bundles: Path
    registry: ContainerSettings | None  # None: images are bundles

    async def delete(self, made: Made) -> bool:
        """Remove an artefact; False for an image whose registry is another, or deletes nothing."""
        if made.kind != "image":
            await self.blobs.delete(made.digest)
            return True
        if made.reference:
            return await self._image(made)
        place = self.bundles / hex_of(made.digest)
        await run_blocking(shutil.rmtree, place, ignore_errors=True)
        return True

    async def _image(self, made: Made) -> bool:
        told = self.registry
        host, _, path = made.reference.partition("/")
        repository = path.partition("@")[0]
        if told is None or host != told.registry.host or not told.registry.holds(repository):
            return False
        own = (
            repository.removeprefix(f"{told.registry.path}/") if told.registry.path else repository
        )
        pushed = told.push_registry
        async with aiohttp.ClientSession() as session:
            client = RegistryClient(session, pushed, told.login, insecure=told.insecure)
            try:
                await client.delete(pushed.repository(own), made.digest)
            except DeletionRefused:
                return False
        return True
