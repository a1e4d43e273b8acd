"""The adapter ``local``: the supervisor's control API as a Platform."""

from pathlib import Path
from typing import ClassVar, Final

import aiohttp
import msgspec

from consumers.deployer.local.control import Order, Refused, Status, name_of
from consumers.deployer.local.secrets import files_of
from consumers.deployer.platform import Revision, Running
from consumers.deployer.secrets import FunctionSecrets, NoSecrets
from schemas.errors import DeployFailed, PlatformUnavailable

PATIENCE: Final = 120.0  # seconds for one order, queueing behind other starts included
HONOURED: Final = frozenset(("secrets",))  # fields of stack.yml that have an effect here


class LocalPlatform:
    """A Platform; a connection per call, for calls are rare and the supervisor may restart."""

    every: ClassVar[float] = 0.5

    def __init__(self, socket: Path, secrets: FunctionSecrets | None = None) -> None:
        """Speak to the supervisor at ``socket``; without ``secrets`` there are none."""
        self.socket = socket
        self.secrets = secrets or NoSecrets()

    async def deploy(self, revision: Revision) -> Running:
        """Order the revision and wait until it was seen ready."""
        secrets = await files_of(self.secrets, revision)
        body = msgspec.json.encode(Order(revision, secrets))
        status, answer = await self._call("PUT", "/revisions", body, timeout=PATIENCE)
        if status == 200:
            return msgspec.json.decode(answer, type=Running)
        refused = msgspec.json.decode(answer, type=Refused)
        if status == 422:
            raise DeployFailed(refused.message)
        raise PlatformUnavailable(refused.message)

    async def retire(self, key: str) -> None:
        """Begin to drain a revision."""
        await self._call("DELETE", f"/revisions/{name_of(key)}", b"")

    async def running(self) -> frozenset[str]:
        """Return what was ordered and not retired."""
        return frozenset(one.key for one in await self.statuses() if one.state != "draining")

    async def statuses(self) -> list[Status]:
        """Return what every revision does."""
        _, answer = await self._call("GET", "/revisions", b"")
        return msgspec.json.decode(answer, type=list[Status])

    async def _call(
        self, method: str, path: str, body: bytes, timeout: float = 10.0
    ) -> tuple[int, bytes]:
        limit = aiohttp.ClientTimeout(total=timeout)
        try:
            async with (
                aiohttp.ClientSession(
                    connector=aiohttp.UnixConnector(str(self.socket)), timeout=limit
                ) as session,
                session.request(method, f"http://supervisor{path}", data=body) as response,
            ):
                return response.status, await response.read()
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise PlatformUnavailable(
                f"the supervisor does not answer: {type(error).__name__}"
            ) from error
