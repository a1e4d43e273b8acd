"""A client of any OpenFaaS provider's REST API: faasd, faas-netes, and gateways before them.

Any 2xx is success, for the published API and the servers do not agree on which. Redirects are
not followed, with a password at hand. Bodies are bounded, and so is every wait. Calls raise
GatewayUnavailable, GatewayFailed, GatewayDenied and DeployFailed as ``answers`` says.
"""

import base64
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final, TypeVar

import aiohttp
import msgspec

from consumers.deployer.openfaas.answers import (
    GatewayFailed,
    GatewayUnavailable,
    Missing,
    decoded,
    success,
)
from consumers.deployer.openfaas.wire import (
    Delete,
    Deployment,
    Info,
    LogLine,
    Scale,
    Secret,
    Status,
)
from schemas.errors import DeployFailed

CONNECT: Final = 10.0  # seconds
QUICK: Final = 30.0  # seconds for whatever pulls no image; lists of large clusters take some
PROBE: Final = 5.0
LONGEST_LINE: Final = 1024 * 1024  # bytes of one log line
RACES: Final = 3  # times that somebody may create or delete what we deploy, at that moment
T = TypeVar("T")


class Gateway:
    """One gateway; safe to share between tasks. Connects when first asked, ``close`` ends it."""

    def __init__(self, url: str, user: str = "", password: str = "") -> None:
        """Speak to ``url`` as ``user``; without a password as nobody."""
        self.url = url.rstrip("/")
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        self._auth = {"Authorization": f"Basic {token}"} if password else {}
        self._kept: aiohttp.ClientSession | None = None

    def __repr__(self) -> str:
        """Return what may be shown."""
        return f"Gateway({self.url!r})"

    async def close(self) -> None:
        """Close its connections."""
        if self._kept is not None:
            await self._kept.close()
            self._kept = None

    async def apply(self, deployment: Deployment, *, exists: bool, timeout: float) -> None:
        """Create or update a function, whichever it turns out to be.

        Somebody may delete it before our update or create it before we do: then the other
        verb is tried. An update that faas-netes could not make is answered 200 all the same,
        so that only ``function`` tells.
        """
        for _ in range(RACES):
            verb = "PUT" if exists else "POST"
            try:
                await self._send(verb, "/system/functions", deployment, timeout=timeout)
            except Missing:
                exists = False
            except (DeployFailed, GatewayFailed) as error:
                if exists or "already exists" not in error.message:
                    raise
                exists = True
            else:
                return
        raise GatewayUnavailable(f"{deployment.service} is created and deleted by somebody else")

    async def delete(self, name: str, namespace: str = "") -> bool:
        """Delete a function; False when there was none."""
        try:  # faasd reads the namespace from the body, faas-netes from the query
            await self._send("DELETE", "/system/functions", Delete(name, namespace), namespace)
        except Missing:
            return False
        return True

    async def functions(self, namespace: str = "") -> list[Status]:
        """Return all functions of a namespace."""
        return await self._read("/system/functions", list[Status], namespace)

    async def function(self, name: str, namespace: str = "") -> Status | None:
        """Return one function, None when there is none."""
        try:
            return await self._read(f"/system/function/{name}", Status, namespace)
        except Missing:
            return None

    async def scale(self, name: str, replicas: int, namespace: str = "") -> None:
        """Ask for so many replicas."""
        body = Scale(serviceName=name, namespace=namespace, replicas=replicas)
        await self._send("POST", f"/system/scale-function/{name}", body, namespace)

    async def info(self) -> Info:
        """Return what the gateway says of itself."""
        return await self._read("/system/info", Info)

    async def namespaces(self) -> list[str]:
        """Return the namespaces that functions may be in."""
        return await self._read("/system/namespaces", list[str])

    async def secrets(self, namespace: str = "") -> frozenset[str]:
        """Return the names of all secrets; their values are told to functions only."""
        found = await self._read("/system/secrets", list[Secret], namespace)
        return frozenset(secret.name for secret in found)

    async def set_secret(self, name: str, value: bytes, namespace: str = "") -> None:
        """Create or replace a secret."""
        body = Secret(name, namespace, value)
        try:
            await self._send("PUT", "/system/secrets", body, namespace)
        except Missing:
            await self._send("POST", "/system/secrets", body, namespace)

    async def delete_secret(self, name: str, namespace: str = "") -> bool:
        """Delete a secret; False when there was none."""
        try:
            await self._send("DELETE", "/system/secrets", Secret(name, namespace), namespace)
        except Missing:
            return False
        return True

    async def logs(
        self,
        name: str,
        namespace: str = "",
        *,
        since: datetime | None = None,
        tail: int = 0,
        follow: bool = False,
        silence: float | None = None,
    ) -> AsyncGenerator[LogLine, None]:
        """Yield what a function printed; ``follow`` goes on until the gateway ends the answer.

        ``silence``: seconds without a byte after which it is over, too. Whoever leaves early
        closes the generator, and with it the connection.
        """
        query = {"name": name, "follow": "true" if follow else "false"}
        query |= {"namespace": namespace} if namespace else {}
        query |= {"tail": str(tail)} if tail else {}
        query |= (
            {"since": since.astimezone(UTC).isoformat().replace("+00:00", "Z")} if since else {}
        )
        limit = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT, sock_read=silence)
        async with self._asked("GET", "/system/logs", query, timeout=limit) as response:
            if not 200 <= response.status < 300:
                await success(response)
            rest = b""
            try:
                async for piece in response.content.iter_any():
                    *lines, rest = (rest + piece).split(b"\n")
                    for line in lines:
                        if line.strip():
                            yield decoded(response, line, LogLine)
                    if len(rest) > LONGEST_LINE:
                        raise GatewayUnavailable(f"a line of {name}'s log does not end")
            except TimeoutError:
                return
            if rest.strip():
                yield decoded(response, rest, LogLine)

    async def answers(self, path: str) -> bool:
        """Tell whether the function at ``path`` answers a GET by itself, and not with 5xx.

        The password is for the gateway: a function must not get it.
        """
        limit = aiohttp.ClientTimeout(total=PROBE)
        try:
            async with self._session().get(
                f"{self.url}{path}", timeout=limit, allow_redirects=False
            ) as response:
                return response.status < 500 and "X-OpenFaaS-Internal" not in response.headers
        except (TimeoutError, aiohttp.ClientError, OSError):
            return False

    async def _read(self, path: str, kind: type[T], namespace: str = "") -> T:
        query = {"namespace": namespace} if namespace else {}
        async with self._asked("GET", path, query) as response:
            return decoded(response, await success(response), kind)

    async def _send(
        self,
        verb: str,
        path: str,
        body: msgspec.Struct,
        namespace: str = "",
        timeout: float = QUICK,
    ) -> None:
        query = {"namespace": namespace} if namespace else {}
        async with self._asked(verb, path, query, body, timeout) as response:
            await success(response)

    @asynccontextmanager
    async def _asked(
        self,
        verb: str,
        path: str,
        query: dict[str, str],
        body: msgspec.Struct | None = None,
        timeout: float | aiohttp.ClientTimeout = QUICK,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        limit = timeout
        if not isinstance(limit, aiohttp.ClientTimeout):
            limit = aiohttp.ClientTimeout(total=limit, sock_connect=CONNECT)
        data = None if body is None else msgspec.json.encode(body)
        kind = {} if data is None else {"Content-Type": "application/json"}
        try:
            async with self._session().request(
                verb,
                f"{self.url}{path}",
                params=query,
                data=data,
                headers=self._auth | kind,
                timeout=limit,
                allow_redirects=False,
            ) as response:
                yield response
        except TimeoutError as error:
            raise GatewayUnavailable(f"the gateway takes too long for {verb} {path}") from error
        except (aiohttp.ClientError, OSError) as error:
            raise GatewayUnavailable(
                f"the gateway at {self.url} does not answer: {type(error).__name__}"
            ) from error

    def _session(self) -> aiohttp.ClientSession:
        if self._kept is None:
            self._kept = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),  # each log that is followed holds one
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"Accept-Encoding": "identity"},  # a body is as large as it says
                auto_decompress=False,
            )
        return self._kept
