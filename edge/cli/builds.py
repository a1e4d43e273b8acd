"""``POST /build``: the request's edge and the container builder, put together."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from consumers.builder.images import NotBuildable
from consumers.builder.requests import RequestBuilder
from consumers.secrets.store import Secrets
from edge.build import Build, Job, publickey
from edge.build.application import PATH
from edge.build.port import Say
from edge.cli.containers import container_settings, repositories
from edge.cli.dispatch import Application
from edge.cli.settings import Settings
from schemas.errors import PushlineError


@dataclass(frozen=True, slots=True)
class RequestedImages:
    """The edge's port ``Images`` over the builder's, with the keys that open a build's secrets."""

    builder: RequestBuilder
    secrets: Secrets

    def refusal(self, image: str) -> str:
        """Return why an image may not be made here, "" when it may."""
        return self.builder.refusal(image)

    async def make(self, job: Job, say: Say) -> None:
        """Build and push."""
        await self.builder.make(
            job.archive,
            job.image,
            arguments=job.arguments,
            platforms=job.platforms,
            push=job.push,
            secrets=await self._opened(job),
            say=say,
        )

    async def _opened(self, job: Job) -> dict[str, bytes]:
        if not job.sealed:
            return {}
        try:
            return await self.secrets.opened(job.sealed)
        except PushlineError as error:  # sealed for another key, or the keys are out of reach
            raise NotBuildable(error.message, hint=error.hint) from error


def build_paths(
    chosen: Settings, tools: Mapping[str, str], home: Path, secrets: Secrets
) -> dict[str, Application]:
    """Return ``/build``, ``/publickey`` and who answers; SettingInvalid names a bad variable."""
    containers = container_settings(chosen, tools, home)
    images = RequestedImages(RequestBuilder(containers, repositories(chosen)), secrets)
    places = asyncio.Semaphore(chosen.builds)
    build = Build(images, containers.work, places, chosen.payload_secret.encode())
    return {PATH: build, publickey.PATH: publickey.PublicKeyPage(secrets.public_key)}
