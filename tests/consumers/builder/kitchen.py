"""A container builder at work: a real engine, a real registry with a password, and our bases."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import aiohttp
import msgspec
import psutil

from bus.blobs import DirectoryBlobs
from consumers.builder.arguments import Arguments
from consumers.builder.buildkit import Client, Export, Solve, TarContext
from consumers.builder.container import ContainerBuilder
from consumers.builder.images import BuildSecrets, Built, Order
from consumers.builder.making import ImageMaker
from consumers.builder.recipe import ContainerSettings, Recipe
from consumers.builder.references import names, registry
from consumers.builder.registry import Login, Manifest, RegistryClient
from consumers.builder.repositories import Repositories
from consumers.builder.transcript import Transcript
from schemas.ids import Digest
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
    repositories: Repositories | None = None
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
        return ContainerBuilder(self.blobs, self.settings(**more), self.secrets, self.repositories)

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

    async def make(self, recipe: Recipe, said: list[str]) -> Digest:
        """Build and push by a recipe, telling its steps."""
        transcript = Transcript(said.append)
        return await ImageMaker(self.settings()).make(recipe, transcript.take, said.append)

    async def pushed(
        self, made: FunctionSpec, files: Mapping[str, str | bytes], **more: Any
    ) -> Digest:
        """Build and push without a look at the registry before."""
        wanted = await self.order(made, files)
        target = names(wanted, registry(self.host), registry(self.host)).target
        recipe = Recipe(archive=self.blobs.path(wanted.archive), target=target)
        maker = ImageMaker(self.settings(**more))
        return await maker.make(recipe, lambda _: None, self.said.append)


def named(name: str, language: str = "dockerfile", **said: Any) -> FunctionSpec:
    """Return a function of its own name, so that no two tests share a repository."""
    return msgspec.structs.replace(spec(language), name=name, **said)


class Bases:
    """Base images of our templates, each made and pushed when it is first asked for."""

    IMAGES: ClassVar = {
        "python3": "python",
        "python3-http": "python",
        "node-http": "node",
        "exec": "busybox",
        "static": "busybox",
    }

    def __init__(self, socket: Path, host: str, work: Path) -> None:
        """Make them by an engine, for a registry."""
        self._socket = socket
        self._host = host
        self._work = work
        self._there: set[str] = set()

    async def of(self, language: str) -> Arguments:
        """Return what the builds of a language are told."""
        if language not in self.IMAGES:
            return Arguments()
        names = {"BASE": self.IMAGES[language], "WATCHDOG": "watchdog"}
        told = {argument: await self._pushed(name) for argument, name in names.items()}
        return Arguments(bases={language: told})

    async def _pushed(self, name: str) -> str:
        target = f"{self._host}/base/{name}:1"
        if name in self._there:
            return target
        context = TarContext(getattr(bases, name)(self._work / f"{name}.tar").done())
        async with (
            Client.connect(f"docker://{self._socket}") as client,
            client.session(
                contexts={"context": context, "dockerfile": context},
                credentials=lambda _: (USER, PASSWORD),
            ) as session,
        ):
            # Packed by nobody: they never leave this machine.
            how = {"push": "true", "compression": "uncompressed", "registry.insecure": "true"}
            export = Export("image", {"name": target, **how})
            await client.solve(Solve(exports=[export], session=session))
        (self._work / f"{name}.tar").unlink()
        self._there.add(name)
        return target
