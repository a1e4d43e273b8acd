"""The port to whatever runs functions."""

from typing import Protocol

import msgspec

from schemas.ids import Digest, Sha
from schemas.repository import Repository
from schemas.stack_spec import FunctionSpec


class Revision(msgspec.Struct, frozen=True, kw_only=True):
    """One immutable deployed state of one function, and all that it takes to run it."""

    id: str  # <sha7>-<generation>, unique within the function
    forge: str
    project: str
    environment: str
    function: str
    generation: int
    image: Digest
    reference: str = ""  # what to pull, HOST/PATH@sha256:…; "" for a bundle
    label: str  # the tenant's host label
    sha: Sha
    branch: str
    repository: Repository
    spec: FunctionSpec  # quantities in it are as in the stack: 128Mi, 500m
    over: int = 0  # the newest generation that failed: it may stand where this one belongs

    @property
    def of(self) -> str:
        """Return the function's name among all functions of all forges."""
        return f"{self.forge}/{self.project}/{self.environment}/{self.function}"

    @property
    def key(self) -> str:
        """Return its name among all revisions of all functions of all forges."""
        return f"{self.of}@{self.id}"


class Running(msgspec.Struct, frozen=True):
    """A revision that was seen ready."""

    upstream: str  # as FunctionDeployed says it
    start_ms: int  # from the start of the process to the first sign of readiness
    upstreams: tuple[str, ...] = ()  # more replicas of it


class Platform(Protocol):
    """Runs revisions; safe to share between tasks.

    Every method raises PlatformUnavailable (Retry) when the platform does not answer. A platform
    may run the revisions of a function side by side, or the newest in the place of all others.
    """

    @property
    def every(self) -> float:
        """Return how many seconds should lie between two looks at what runs."""
        ...

    async def deploy(self, revision: Revision) -> Running:
        """Return once the revision was seen ready; a running one is answered at once.

        Raises DeployFailed, with the last lines of its log, when it does not become ready, or
        when a generation runs in its place that is newer than it and than ``over``.
        """
        ...

    async def retire(self, key: str) -> None:
        """Begin to drain and end a revision; nothing to do for an unknown one."""
        ...

    async def running(self) -> frozenset[str]:
        """Return the keys of all revisions that were ordered and not retired."""
        ...
