"""Builder: what it records about a build; the image is the recorded one."""

import asyncio
from dataclasses import dataclass

from consumers.builder.consumer import Builder, BuilderSettings
from consumers.builder.images import Built, Order, Say
from edge.cli.replay.parts.part import Part, Scene
from edge.cli.replay.recorded import NoLines
from schemas.errors import BuildFailed
from schemas.events.run import RunBuildFailed, RunBuilt


@dataclass(frozen=True, slots=True)
class RecordedImages:
    """Answers what the image builder answered then."""

    scene: Scene

    async def build(self, order: Order, say: Say) -> Built:  # noqa: ARG002
        """Note the order, return the recorded image; wait for ever where there is none."""
        self.scene.effects.append(f"build {order.spec.name} of {order.repository.full_name}")
        match self.scene.recorded(RunBuilt, RunBuildFailed):
            case RunBuilt() as built:
                return Built(
                    image=built.image,
                    cached=built.cached,
                    tool_ms=built.tool_ms,
                    reference=built.reference,
                    attestations=built.attestations,
                )
            case RunBuildFailed() as failed:
                kind = type("BuildFailed", (BuildFailed,), {"code": failed.code})
                raise kind(failed.message, tail=failed.tail)
            case _:
                await asyncio.Event().wait()  # the end of its run stops a build
                raise AssertionError


def builder_part() -> Part:
    """Return the builder, in front of the recorded images."""
    return Part(
        Builder,
        "whether a build is begun, stopped, and what is recorded of it; images are the recorded "
        "ones",
        lambda scene: Builder(
            scene.log,
            scene.follow,
            scene.blobs,
            NoLines(),
            RecordedImages(scene),
            BuilderSettings(),
        ),
    )
