"""``POST /build``: the request's edge and the container builder, put together."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from consumers.builder.requests import RequestBuilder
from edge.build import Build, Job
from edge.build.application import PATH
from edge.build.port import Say
from edge.cli.containers import container_settings
from edge.cli.dispatch import Application
from edge.cli.settings import Settings


@dataclass(frozen=True, slots=True)
class RequestedImages:
    """The edge's port ``Images`` over the builder's."""

    builder: RequestBuilder

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
            say=say,
        )


def build_path(chosen: Settings, tools: Mapping[str, str], home: Path) -> dict[str, Application]:
    """Return ``/build`` and who answers it; SettingInvalid names a bad variable."""
    containers = container_settings(chosen, tools, home)
    images = RequestedImages(RequestBuilder(containers))
    places = asyncio.Semaphore(chosen.builds)
    return {PATH: Build(images, containers.work, places, chosen.payload_secret.encode())}
