"""A container builder at work: a real engine, a real registry with a password, and our bases."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import psutil

from bus.blobs import DirectoryBlobs
from consumers.builder.arguments import Arguments
from consumers.builder.buildkit import Client, Export, Solve, TarContext
from consumers.builder.container import ContainerBuilder
from consumers.builder.images import BuildSecrets, Built, Order
from consumers.builder.recipe import ContainerSettings
from consumers.builder.references import registry
from consumers.builder.registry import Login, Manifest, RegistryClient
from schemas.stack import FunctionSpec
from tests.consumers.builder.made import archive, order, spec
from tests.heavy import bases
from tests.heavy.programs import program
from tests.heavy.registries import PASSWORD, USER


@dataclass
class Kitchen:
    """A builder with a home, and what it said."""

    home: Path
    socket: Path
    host: str  # of the registry
    arguments: Arguments = field(default_factory=Arguments)
    secrets: BuildSecrets | None = None
    said: list[str] = field(default_factory=list)

    def settings(self, **more: Any) -> ContainerSettings:
        """Return settings, some of them others."""
        where = registry(self.host)
        told: dict[str, Any] = {
            "url": f"docker://{self.socket}",
            "registry": where,
            "push_registry": where,
            "work": self.home / "builds",
            "login": Login(USER, PASSWORD),
            "arguments": self.arguments,
        }
        return ContainerSettings(**told | more)

    def builder(self, **more: Any) -> ContainerBuilder:
        """Return the builder."""
        return ContainerBuilder(self.blobs, self.settings(**more), self.secrets)

    @property
    def blobs(self) -> DirectoryBlobs:
        """Return where archives lie."""
        return DirectoryBlobs(self.home / "blobs")

    @staticmethod
    def runs(steps: str) -> dict[str, str | bytes]:
        """Return files whose Dockerfile runs steps by busybox, on nothing else."""
        binary = program("busybox", "busybox-static").read_bytes()
        dockerfile = f"FROM scratch\nCOPY busybox /bin/busybox\n{steps}\n"
        return {"Dockerfile": dockerfile, "busybox": binary}

    @staticmethod
    def processes(mark: str) -> list[int]:
        """Return the processes of this machine with ``mark`` among their arguments."""
        found = psutil.process_iter(["cmdline"])
        return [each.pid for each in found if mark in (each.info["cmdline"] or ())]

    async def manifest(self, repository: str, reference: str) -> Manifest | None:
        """Return what the registry has."""
        async with aiohttp.ClientSession() as session:
            login = Login(USER, PASSWORD)
            client = RegistryClient(session, registry(self.host), login, insecure=False)
            return await client.manifest(repository, reference)

    async def order(self, made: FunctionSpec, files: Mapping[str, str | bytes]) -> Order:
        """Return the order to build a function of these files."""
        programs = tuple(files) if made.language == "exec" else ("busybox",)
        tar = archive(made.language, files, programs)
        return order(await self.blobs.put(tar), made)

    async def build(
        self, made: FunctionSpec, files: Mapping[str, str | bytes], **more: Any
    ) -> Built:
        """Build a function."""
        return await self.builder(**more).build(await self.order(made, files), self.said.append)


def named(name: str, language: str = "dockerfile", **said: Any) -> FunctionSpec:
    """Return a function of its own name, so that no two tests share a repository."""
    return msgspec.structs.replace(spec(language), name=name, **said)


def base_images(kitchen: Kitchen) -> Arguments:
    """Push base images of every language to the registry; return what builds are told of them."""
    made = {
        name: f"{kitchen.host}/base/{name}:1" for name in ("busybox", "python", "node", "watchdog")
    }
    asyncio.run(_pushed(kitchen, made))
    bare = {"WATCHDOG": made["watchdog"]}
    return Arguments(
        bases={
            "python3": {"BASE": made["python"], **bare},
            "python3-http": {"BASE": made["python"], **bare},
            "node-http": {"BASE": made["node"], **bare},
            "exec": {"BASE": made["busybox"], **bare},
            "static": {"BASE": made["busybox"], **bare},
        }
    )


async def _pushed(kitchen: Kitchen, made: Mapping[str, str]) -> None:
    # Packed by nobody: they never leave this machine.
    how = {"push": "true", "compression": "uncompressed", "registry.insecure": "true"}
    async with Client.connect(f"docker://{kitchen.socket}") as client:
        for name, target in made.items():
            tar = getattr(bases, name)(kitchen.home / f"{name}.tar").done()
            context = TarContext(tar)
            async with client.session(
                contexts={"context": context, "dockerfile": context},
                credentials=lambda _: (USER, PASSWORD),
            ) as session:
                export = Export("image", {"name": target, **how})
                await client.solve(Solve(exports=[export], session=session))
            tar.unlink()
