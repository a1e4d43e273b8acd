"""What the builder asks of whoever makes images, and how making one fails."""

from collections.abc import Callable
from typing import Protocol

import msgspec

from schemas.envelope import Aggregate
from schemas.environments import PRODUCTION
from schemas.errors import BuildFailed
from schemas.events.run import Attestation
from schemas.ids import Digest, Sha
from schemas.repository import Repository
from schemas.stack import FunctionSpec

Say = Callable[[str], None]  # takes one line of the build's log


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be built, and whose it is: images are named after it."""

    archive: Digest  # the blob of the build context
    spec: FunctionSpec
    run: Aggregate
    repository: Repository
    branch: str  # that was pushed
    sha: Sha  # the commit that the archive was made of
    environment: str = PRODUCTION
    label: str = ""  # of the tenant


class Built(msgspec.Struct, frozen=True):
    """An image that is there to be run."""

    image: Digest
    cached: bool = False
    tool_ms: int = 0  # of the time it took, what pip, npm or an engine took
    reference: str = ""  # what to pull, HOST/PATH@sha256:…; "" for a bundle
    attestations: tuple[Attestation, ...] = ()


class ImageBuilder(Protocol):
    """Turns archives into images; shared between tasks, and cancelled when a run ends."""

    async def build(self, order: Order, say: Say) -> Built:
        """Return the image; raise BuildFailed where the archive is to blame, else Retry.

        Twice, at once, or killed in the middle: an image is there whole or not at all.
        """
        ...


class BuildSecrets(Protocol):
    """Opens what ``build_secrets`` of a stack names; shared between tasks."""

    async def open(self, order: Order, name: str) -> bytes | None:
        """Return a secret of the order's repository or owner, None where there is none."""
        ...


class NotBuildable(BuildFailed):
    """stack.yml asks for what the builder does not have, or may not do; names the field."""

    code = "not_buildable"


class BuildInterrupted(BuildFailed):
    """A build failed of what may be over soon: a base image's host did not answer.

    A mistyped host looks the same, so it is tried again a few times only.
    """

    code = "build_interrupted"


class EngineMissing(BuildFailed):
    """A container image was asked for, and there is no engine to build it."""

    code = "engine_missing"


class ToolMissing(BuildFailed):
    """A program that installs dependencies is not on this machine."""

    code = "tool_missing"


class DependenciesFailed(BuildFailed):
    """What the function asks for could not be installed."""

    code = "dependencies_failed"


class BuildTooLong(BuildFailed):
    """A build took longer than it may."""

    code = "build_too_long"


class BundleTooLarge(BuildFailed):
    """A function with its dependencies takes more room than it may."""

    code = "bundle_too_large"
