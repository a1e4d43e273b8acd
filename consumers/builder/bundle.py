"""Images as bundles: template, handler and dependencies in one folder that can be run as it is.

A bundle is named by what it is made of, made beside its place and renamed: it is there whole or
not at all, whoever is killed. Nothing of the repository is run while it is made.
"""

import hashlib
import os
import secrets
import shutil
import sys
import sysconfig
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from bus.blobs import Blobs
from bus.blocking import run_blocking
from consumers.builder.files import extract, measure, settle
from consumers.builder.images import Built, EngineMissing, Order, Say
from consumers.builder.install import Installing, compiled, node_packages, python_packages
from schemas import bundle as bundles
from schemas import stack_template
from schemas.bundle import Bundle
from schemas.errors import BuildFailed
from schemas.ids import Digest
from schemas.stack import FunctionSpec
from schemas.stack_template import Template

FORMAT: Final = "1"  # of a bundle's folder; another number builds everything anew
MIB: Final = 1024 * 1024


class BundleSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Limits on one bundle, and what the tools that install are told."""

    seconds: float = 300.0  # for one build
    bytes: int = 512 * MIB
    files: int = 50_000
    wheels_only: bool = True  # False: pip may run the code of packages, as us
    path: str = os.defpath  # where npm is looked for
    # Given to pip and npm beside PATH and HOME: PIP_INDEX_URL, HTTPS_PROXY …
    environment: dict[str, str] = {}


@dataclass(slots=True)
class BundleBuilder:
    """An ImageBuilder for one machine; bundles lie in ``<home>/bundles``."""

    blobs: Blobs
    home: Path
    settings: BundleSettings
    _swept: bool = field(default=False, init=False)

    async def build(self, order: Order, say: Say) -> Built:
        """Return the bundle of an archive, the one that is there if nothing changed."""
        archive, spec = order.archive, order.spec
        if spec.language == "dockerfile":
            raise EngineMissing(
                "a Dockerfile needs an engine to build it, and none is configured",
                hint="choose another lang, or give Pushline a BuildKit or Docker engine",
            )
        name = self.name(archive, spec)
        place = self.home / "bundles" / name
        image = f"sha256:{name}"
        if await run_blocking((place / bundles.FILE).is_file):
            say("unchanged, the bundle is there")
            return Built(image, cached=True)
        body = await self.blobs.get(archive)
        await run_blocking(self.sweep)
        beside = place.with_name(f".{name}.{os.getpid()}.{secrets.token_hex(4)}")
        try:
            tool_ms = await self.make(body, spec, beside / "bundle", say)
            await run_blocking(settle, beside / "bundle", place)
        finally:
            await run_blocking(shutil.rmtree, beside, ignore_errors=True)
        say(f"built {name[:12]}")
        return Built(image, tool_ms=tool_ms)

    def name(self, archive: Digest, spec: FunctionSpec) -> str:
        """Return the bundle's name: a hash of all that decides what will be in it."""
        parts = (
            FORMAT,
            archive,
            spec.language,
            spec.fprocess,
            sys.version.split()[0],
            sysconfig.get_platform(),
            "wheels" if self.settings.wheels_only else "any",
        )
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    async def make(self, body: bytes, spec: FunctionSpec, folder: Path, say: Say) -> int:
        """Make the bundle in ``folder``; return the milliseconds that tools took."""
        say(f"building {spec.name} ({spec.language})")
        await run_blocking(extract, body, folder)
        template = stack_template.parse((folder / stack_template.FILE).read_bytes())
        manifest = manifest_of(spec, template)
        installing = Installing(
            bundle=folder,
            function=folder / template.handler_folder,
            work=folder.parent,
            cache=self.home / "cache",
            settings=self.settings,
            ends=time.monotonic() + self.settings.seconds,
        )
        began = time.monotonic()
        if "{python}" in manifest.command:
            await python_packages(installing, say)
        elif "{node}" in manifest.command:
            await node_packages(installing, say)
        took = time.monotonic() - began
        if "{python}" in manifest.command:
            await compiled(installing, say)
        await run_blocking(measure, folder, self.settings.bytes, self.settings.files)
        (folder / bundles.FILE).write_bytes(msgspec.json.encode(manifest))
        return int(took * 1000)

    def sweep(self) -> None:
        """Remove what builders left that were killed; once, at the first build."""
        if self._swept:
            return
        self._swept = True
        folder = self.home / "bundles"
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.glob(".*.*.*"):
            pid = path.name.split(".")[2]
            if pid.isdigit() and int(pid) != os.getpid() and not Path(f"/proc/{pid}").exists():
                shutil.rmtree(path, ignore_errors=True)


def manifest_of(spec: FunctionSpec, template: Template) -> Bundle:
    """Return how the bundle is run; raises BuildFailed where the function does not say."""
    bare = template.bundle
    if bare is None:
        message = f"{spec.language} can't be run without an engine"
        raise EngineMissing(message, hint="choose another lang")
    command: list[str] = []
    for word in bare.command:
        if word == "{fprocess}":
            if not spec.fprocess:
                message = f"functions.{spec.name}.fprocess is missing"
                raise BuildFailed(message, hint="name the program, such as ./hello.sh")
            command += spec.fprocess.split()
        else:
            command.append(word)
    return Bundle(
        language=spec.language,
        mode=bare.mode,
        command=tuple(command),
        upstream=bare.upstream,
        static_path=bare.static_path,
        environment=bare.environment,
        cgi=bare.cgi,
        content_type=bare.content_type,
    )
