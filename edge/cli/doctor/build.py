"""BuildKit and the registry: an image of one small file is built, pushed and found again."""

import io
import tarfile
import tempfile
from pathlib import Path
from typing import Final

import aiohttp
import msgspec

from consumers.builder.buildkit import BuildkitError, Client
from consumers.builder.making import ImageMaker
from consumers.builder.recipe import ContainerSettings, Recipe
from consumers.builder.registry import RegistryClient
from edge.cli.containers import container_settings
from edge.cli.doctor.finding import Check, Outcome, Subject, fail, off, ok, warn
from edge.cli.variables import variable
from schemas.errors import RegistryUnavailable
from schemas.ids import Digest

SECONDS: Final = 60.0  # for a build of nothing, with its push
NAME: Final = "pushline-doctor"  # of the repository
OFF: Final = f"not configured: {variable('builder')}=buildkit"


async def daemon(subject: Subject) -> Outcome:
    """Ask BuildKit what it is, and who works in it."""
    if subject.chosen.builder != "buildkit":
        return off(OFF)
    told = _settings(subject, Path())
    try:
        async with Client.connect(told.url, told.tls) as client:
            info, workers = await client.info(), await client.workers()
    except (BuildkitError, ValueError) as error:
        return fail(
            f"{told.url}: {error}",
            f"start it, or mend {variable('buildkit_url')} and {variable('buildkit_tls')}",
        )
    if not workers:
        return fail(f"{told.url} has no worker", "look at the log of BuildKit")
    platforms = ", ".join(sorted({name for worker in workers for name in worker.platforms})[:3])
    return ok(f"{client.kind} at {told.url}, BuildKit {info.version or 'of old'}, for {platforms}")


async def build(subject: Subject) -> Outcome:
    """Build an image of one file; it goes nowhere."""
    if subject.chosen.builder != "buildkit":
        return off(OFF)
    await _made(subject, push=False)
    return ok("an image of one file was built")


async def images(subject: Subject) -> Outcome:
    """Push an image as a build does; find it by its digest where the gateway pulls it."""
    if subject.chosen.builder != "buildkit":
        return off(OFF)
    digest = await _made(subject, push=True)
    told = _settings(subject, Path())
    async with aiohttp.ClientSession() as session:
        pull, push = (
            RegistryClient(session, where, told.login, insecure=told.insecure)
            for where in (told.registry, told.push_registry)
        )
        found, away = None, ""
        try:
            found = await pull.manifest(told.registry.repository(NAME), digest)
        except RegistryUnavailable as error:
            away = error.message
        kept = not await _removed(push, told.push_registry.repository(NAME), digest)
    if away and told.registry.host != told.push_registry.host:
        return warn(
            f"pushed to {told.push_registry.host}; from here {away}",
            f"see that the gateway's machine pulls from {told.registry.host}",
        )
    if found is None:
        return fail(
            f"what was pushed to {told.push_registry.host} is not at {told.registry.host}",
            f"{variable('registry')} and {variable('push_registry')} have to be one registry",
        )
    says = f"pushed to {told.push_registry.host}, found at {told.registry.host} by its digest"
    if kept:
        return warn(f"{says}; it cannot be deleted", "let the registry delete, or it only grows")
    return ok(says)


async def _made(subject: Subject, *, push: bool) -> Digest:
    with tempfile.TemporaryDirectory(prefix="pushline-doctor-") as folder:
        told = _settings(subject, Path(folder))
        archive = Path(folder) / "context.tar"
        archive.write_bytes(context())
        where = told.push_registry
        target = f"{where.host}/{where.repository(NAME)}:doctor"
        recipe = Recipe(archive=archive, target=target, push=push, foreign=False)
        return await ImageMaker(told).make(recipe, lambda _: None, lambda _: None)


async def _removed(client: RegistryClient, repository: str, digest: Digest) -> bool:
    try:
        return await client.delete(repository, digest)
    except RegistryUnavailable:
        return False


def context() -> bytes:
    """Return the build context, an uncompressed tar."""
    body = io.BytesIO()
    with tarfile.open(fileobj=body, mode="w") as archive:
        for name, text in {"Dockerfile": b"FROM scratch\nCOPY it /it\n", "it": b"works\n"}.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))
    return body.getvalue()


def _settings(subject: Subject, work: Path) -> ContainerSettings:
    """Return what builds are made by, but for their time and their papers."""
    told = container_settings(subject.chosen, {}, subject.home)
    return msgspec.structs.replace(told, seconds=SECONDS, attestations=frozenset(), work=work)


CHECKS: Final = (
    Check("build.daemon", daemon, 20),
    Check("build.image", build, SECONDS, f"start it, or mend {variable('buildkit_url')}"),
    Check("registry", images, SECONDS, f"start it, or mend {variable('push_registry')}"),
)
