"""The Kubernetes API, as a pod speaks to it: by its token, and the certificate of its cluster."""

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import aiohttp
import msgspec

from bus.blocking import run_blocking
from schemas.sealed import ClusterUnavailable

TIMEOUT: Final = 30.0  # seconds for one answer
LARGEST: Final = 16 * 1024 * 1024  # bytes of an answer: a list of a project's secrets
JSON: Final = "application/json"
T = TypeVar("T")


class _Refusal(msgspec.Struct):
    """A Status object, as the API refuses by."""

    message: str = ""


class KubeApi:
    """Safe to share between tasks; connects when first asked, ``close`` ends it."""

    def __init__(self, url: str, folder: Path) -> None:
        """Speak to ``url`` with the token, and by the ca.crt, that lie in ``folder``."""
        self.url = url.rstrip("/")
        self.folder = folder
        self._kept: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close its connections."""
        if self._kept is not None:
            await self._kept.close()
            self._kept = None

    async def asked(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        kind: str = JSON,
    ) -> tuple[int, bytes]:
        """Return success, or a refusal that the caller knows the meaning of.

        Raises ClusterUnavailable: nobody answers, nobody knows us, or it may pass.
        """
        data = None if body is None else msgspec.json.encode(body)
        session, headers = await self._session(), await self._credentials()
        try:
            async with session.request(
                method,
                self.url + path,
                params=query,
                data=data,
                headers={**headers, **({"Content-Type": kind} if data else {})},
                allow_redirects=False,
            ) as response:
                found = await self._whole(response)
                status = response.status
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise ClusterUnavailable(
                f"the Kubernetes API at {self.url} does not answer: {type(error).__name__}"
            ) from error
        if status == 401:
            raise ClusterUnavailable(
                f"the Kubernetes API answers 401: {said(found)}",
                hint=f"the operator mounts our service account's token as {self.folder / 'token'}",
            )
        if status >= 500 or status == 429 or not 200 <= status < 600 or 300 <= status < 400:
            raise ClusterUnavailable(f"the Kubernetes API answers {status}: {said(found)}")
        return status, found

    async def _whole(self, response: aiohttp.ClientResponse) -> bytes:
        """Return the body; one read gives what has come so far, which is no answer."""
        found = bytearray()
        async for part in response.content.iter_any():
            found += part
            if len(found) > LARGEST:
                raise ClusterUnavailable(f"the Kubernetes API answers over {LARGEST} bytes")
        return bytes(found)

    async def _credentials(self) -> dict[str, str]:
        """Return the headers; a pod's token is renewed in its file every hour."""
        file = self.folder / "token"
        try:
            token = await run_blocking(file.read_text)
        except OSError as error:
            raise ClusterUnavailable(
                f"{file}: {error.strerror}", hint="the operator mounts our service account's token"
            ) from error
        return {"Authorization": f"Bearer {token.strip()}", "Accept": JSON}

    async def _session(self) -> aiohttp.ClientSession:
        if self._kept is None:
            trusted = await run_blocking(self._trusted)
            self._kept = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=trusted),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=TIMEOUT),
            )
        return self._kept

    def _trusted(self) -> ssl.SSLContext:
        bundle = self.folder / "ca.crt"
        try:
            return ssl.create_default_context(cafile=bundle if bundle.exists() else None)
        except OSError as error:  # of ssl, too
            raise ClusterUnavailable(
                f"{bundle} is no certificate: {type(error).__name__}",
                hint="the operator mounts the cluster's own, beside the token",
            ) from error


def said(body: bytes) -> str:
    """Return the words of a refusal; whatever else answers is not quoted."""
    try:
        return msgspec.json.decode(body, type=_Refusal).message[:300] or "no reason given"
    except msgspec.DecodeError:
        return "no reason given"


def read(body: bytes, kind: type[T]) -> T:
    """Return an answer; raises ClusterUnavailable for what has another shape."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError as error:
        raise ClusterUnavailable(f"the Kubernetes API answers in another shape: {error}") from error
