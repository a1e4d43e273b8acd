"""Images as containers: built by BuildKit, pushed to a registry, known by their digest.

Beside the tag for people each image has one that derives from all it is made of: an archive that
was built before is found by it, also by a builder that comes after one that was killed.
"""

import asyncio
import tarfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp
import msgspec

from bus.blobs import Blobs
from bus.blocking import run_blocking
from consumers.builder import archives, references
from consumers.builder.arguments import platforms
from consumers.builder.attestations import attestations
from consumers.builder.images import BuildInterrupted, BuildSecrets, Built, NotBuildable, Order, Say
from consumers.builder.making import ImageMaker
from consumers.builder.recipe import ContainerSettings, Recipe
from consumers.builder.references import Names, key_tag
from consumers.builder.registry import Manifest, RegistryClient
from consumers.builder.repositories import Repositories
from consumers.builder.transcript import Cover, Transcript
from schemas import stack_template
from schemas.errors import BuildFailed, RegistryUnavailable
from schemas.ids import Digest
from schemas.stack import FunctionSpec
from schemas.stack_template import Template

FORMAT: Final = "1"  # of what an image is made of; another number builds everything anew
HONOURED: Final = frozenset(
    {"build_args", "build_options", "build_secrets", "platforms"}
)  # fields of stack.yml


@dataclass(frozen=True, slots=True)
class ContainerBuilder:
    """An ImageBuilder for BuildKit and a registry; keeps nothing itself."""

    blobs: Blobs
    settings: ContainerSettings
    secrets: BuildSecrets | None = None
    repositories: Repositories | None = None  # None: whoever pushes makes them

    async def build(self, order: Order, say: Say) -> Built:
        """Return the image of an order: the one that is there if nothing changed."""
        chosen, spec = self.settings, order.spec
        chosen.arguments.check(spec)
        names = references.names(order, chosen.push_registry, chosen.registry)
        key = self.key(order)
        async with aiohttp.ClientSession() as session:
            client = RegistryClient(
                session, chosen.push_registry, chosen.login, insecure=chosen.insecure
            )
            if known := await client.manifest(names.pushed, key):
                say("unchanged, the image is there")
                await client.tag(names.pushed, names.tag, known)
                return await self.built(known, names, client, cached=True)
            if self.repositories and await self.repositories.make(names.pushed):
                say(f"made the repository {names.pushed}")
            began = time.monotonic()
            digest = await self.made(order, names, say)
            took = int((time.monotonic() - began) * 1000)
            image = await self.pushed(client, names, digest)
            await client.tag(names.pushed, key, image)
            built = await self.built(image, names, client, cached=False)
        say(f"pushed {built.reference}")
        return msgspec.structs.replace(built, tool_ms=took)

    def key(self, order: Order) -> str:
        """Return the tag that tells of all that decides what is in the image."""
        spec, chosen = order.spec, self.settings
        bases = chosen.arguments.bases
        parts = [FORMAT, order.run.forge, order.run.project, order.archive]
        parts += [spec.name, spec.language, spec.fprocess, spec.platforms]
        parts += [",".join(spec.build_options), ",".join(sorted(chosen.attestations))]
        parts += [chosen.arguments.generator]
        for table in (spec.build_args, spec.build_secrets, bases.get(spec.language, {})):
            parts += [str(len(table)), *(word for pair in sorted(table.items()) for word in pair)]
        return key_tag(parts)

    async def made(self, order: Order, names: Names, say: Say) -> Digest:
        """Build and push, telling what happens; what a build prints of its secrets is covered."""
        chosen, spec = self.settings, order.spec
        secrets = await self.opened(order)
        cover = Cover([*secrets.values(), chosen.login.password])

        def said(line: str) -> None:
            say(cover(line))

        transcript = Transcript(said)
        async with archives.on_disk(self.blobs, order.archive, chosen.work) as archive:
            template = await run_blocking(template_of, archive, spec)
            recipe = Recipe(
                archive=archive,
                target=names.target,
                arguments=chosen.arguments.of(spec, template),
                platforms=platforms(spec),
                cache=names.cache(spec.name) if chosen.cache else "",
                secrets=secrets,
                foreign=template is None,
            )
            try:
                return await self.patiently(recipe, transcript, said)
            except BuildFailed as error:
                tail = tuple(map(cover, error.tail))
                raise type(error)(cover(error.message), hint=error.hint, tail=tail) from None
            finally:
                transcript.close()

    async def patiently(self, recipe: Recipe, transcript: Transcript, say: Say) -> Digest:
        """Build and push; what was interrupted is tried again, a few times."""
        maker = ImageMaker(self.settings)
        for pause in self.settings.again:
            try:
                return await maker.make(recipe, transcript.take, say)
            except BuildInterrupted as error:
                say(f"{error}; tried again in {pause:g} s")
                await asyncio.sleep(pause)
        return await maker.make(recipe, transcript.take, say)

    async def opened(self, order: Order) -> dict[str, bytes]:
        """Return the secrets that a build may mount, by id; raises NotBuildable for a missing one.

        All at once, before anything is built: a build without its secret need not begin.
        """
        found = {}
        for id, name in order.spec.build_secrets.items():
            body = await self.secrets.open(order, name) if self.secrets else None
            if body is None:
                message = f"functions.{order.spec.name}.build_secrets.{id}: no secret {name}"
                project = order.repository.full_name
                raise NotBuildable(message, hint=f"set it: pushline secrets set {project} {name}")
            found[id] = body
        return found

    async def pushed(self, client: RegistryClient, names: Names, digest: Digest) -> Manifest:
        """Return what was just pushed."""
        found = await client.manifest(names.pushed, digest)
        if found is None:
            raise RegistryUnavailable(f"{names.push.host} does not have {digest}, just pushed")
        return found

    async def built(
        self, image: Manifest, names: Names, client: RegistryClient, *, cached: bool
    ) -> Built:
        """Return what is told of an image that is there."""
        return Built(
            image.digest,
            cached=cached,
            reference=names.reference(image.digest),
            attestations=await attestations(client, names.pushed, image),
        )


def template_of(archive: Path, spec: FunctionSpec) -> Template | None:
    """Return the template that an archive was made with, None for a Dockerfile of its own."""
    if spec.language == "dockerfile":
        return None
    with tarfile.open(archive, "r:") as tar:
        body = tar.extractfile(stack_template.FILE)
        return stack_template.parse(body.read()) if body else None
