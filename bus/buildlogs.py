"""Whole logs of builds, as objects where the predecessor's ``pipeline-log`` keeps them."""

from typing import Final

from bus.objects import Objects, checked
from schemas.errors import KeyInvalid

NAME: Final = "build.log"


class BuildLogs:
    """The logs of builds that have ended; shared between tasks.

    All raise KeyInvalid for names that cannot stand in a key, BlobsUnavailable when the store
    does not answer.
    """

    def __init__(self, objects: Objects, bucket: str) -> None:
        """Keep the logs in ``objects``, whose keys begin with ``bucket``."""
        self._objects = objects
        self._bucket = bucket

    async def write(self, repository: str, sha: str, function: str, log: bytes) -> str:
        """Store a log, instead of an earlier one of the same commit; return its key."""
        key = self.key(repository, sha, function)
        await self._objects.write(key, log)
        return key

    async def read(self, repository: str, sha: str, function: str) -> bytes:
        """Return a log; ObjectMissing where there is none."""
        return await self._objects.read(self.key(repository, sha, function))

    async def has(self, repository: str, sha: str, function: str) -> bool:
        """Tell whether there is a log."""
        return await self._objects.has(self.key(repository, sha, function))

    async def delete(self, repository: str, sha: str, function: str) -> None:
        """Remove a log; twice is harmless."""
        await self._objects.delete(self.key(repository, sha, function))

    def key(self, repository: str, sha: str, function: str) -> str:
        """Return ``<bucket>/<owner>/<repo>/<sha>/<function>/build.log``: the predecessor's."""
        for name, value in (("commit", sha), ("function", function)):
            if "/" in value:  # it would take another's place
                raise KeyInvalid(f"the {name} has a slash")
        return checked(f"{self._bucket}/{repository}/{sha}/{function}/{NAME}")
