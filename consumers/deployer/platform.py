"""The port to whatever runs functions."""

from typing import Protocol

import msgspec

from schemas.ids import Digest


class Revision(msgspec.Struct, frozen=True, kw_only=True):
    """One immutable deployed state of one function, and all that it takes to run it."""

    id: str  # <sha7>-<generation>, unique within the function
    forge: str
    project: str
    environment: str
    function: str
    generation: int
    image: Digest
    label: str = ""  # the tenant's host label
    fprocess: str = ""  # the command where the stack says one
    variables: dict[str, str] = {}
    memory: str = ""  # as in the stack: 128Mi; "": the platform's default
    cpu: str = ""  # 100m is a tenth of one core; "": not limited

    @property
    def key(self) -> str:
        """Return its name among all revisions of all functions of all forges."""
        return f"{self.forge}/{self.project}/{self.environment}/{self.function}@{self.id}"


class Running(msgspec.Struct, frozen=True):
    """A revision that was seen ready."""

    upstream: str  # as FunctionDeployed says it
    start_ms: int  # from the start of the process to the first sign of readiness


class Platform(Protocol):
    """Runs revisions; safe to share between tasks.

    Every method raises PlatformUnavailable (Retry) when the platform does not answer.
    """

    async def deploy(self, revision: Revision) -> Running:
        """Return once the revision was seen ready; a running one is answered at once.

        Raises DeployFailed, with the last lines of its log, when it does not become ready.
        """
        ...

    async def retire(self, key: str) -> None:
        """Begin to drain and end a revision; nothing to do for an unknown one."""
        ...

    async def running(self) -> frozenset[str]:
        """Return the keys of all revisions that were ordered and not retired."""
        ...
