"""A client of an image registry, by the distribution API: manifests are read and named."""

import asyncio
import base64
import ipaddress
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final, Literal

import aiohttp
import msgspec

from consumers.builder.references import Registry
from schemas.errors import BuildFailed, RegistryUnavailable
from schemas.ids import Digest, digest_of

INDEXES: Final = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
IMAGES: Final = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
LIMIT: Final = 4 * 1024 * 1024  # bytes of a manifest, what the specification promises
SECONDS: Final = 30.0  # for one request
DOCKER_HUB: Final = ("docker.io", "registry-1.docker.io")  # its name, and the host of its API
_PARAMETER = re.compile(r'([a-zA-Z]+)="([^"]*)"')


class Login(msgspec.Struct, frozen=True):
    """Who we are at the registry; its repr keeps the password."""

    user: str = ""
    password: str = ""

    @property
    def basic(self) -> dict[str, str]:
        """Return the header of basic authentication."""
        pair = f"{self.user}:{self.password}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}

    def __repr__(self) -> str:
        """Say only whether there is a password."""
        return f"Login({self.user!r}, {'***' if self.password else ''!r})"


class Manifest(msgspec.Struct, frozen=True):
    """A manifest or index as the registry has it."""

    digest: Digest
    media_type: str
    body: bytes

    @property
    def index(self) -> bool:
        """Tell whether it lists other manifests."""
        return self.media_type in INDEXES


class RegistryRefused(BuildFailed):
    """The registry does not know us, or does not let us do that; the operator has to act."""

    code = "registry_refused"


class DeletionRefused(RegistryUnavailable):
    """The registry deletes nothing, for nobody."""

    code = "deletion_refused"


class RegistryClient:
    """Speaks to one registry; shared between tasks."""

    def __init__(
        self, session: aiohttp.ClientSession, registry: Registry, login: Login, *, insecure: bool
    ) -> None:
        """Use the login where the registry asks for one."""
        self._session = session
        self._registry = registry
        self._login = login
        self._url = f"{scheme(registry.host, insecure=insecure)}://{api_host(registry.host)}/v2"
        self._basic = False  # it asked for Basic once, and is not made to ask again
        self._tokens: dict[str, str] = {}  # by scope

    async def manifest(self, repository: str, reference: str) -> Manifest | None:
        """Return what a tag or digest names, None where there is nothing.

        Raises RegistryUnavailable and RegistryRefused.
        """
        accept = {"Accept": ", ".join((*INDEXES, *IMAGES))}
        async with self._ask("GET", repository, reference, headers=accept) as answer:
            if answer.status == 404:
                return None
            body = await answer.content.read(LIMIT + 1)
            while len(body) <= LIMIT and (more := await answer.content.read(LIMIT)):
                body += more
            kind = answer.headers.get("Content-Type", "").partition(";")[0].strip()
        found = Manifest(digest_of(body), kind, body)
        if len(body) > LIMIT or (reference.startswith("sha256:") and found.digest != reference):
            raise RegistryUnavailable(f"{self._registry.host} sent a damaged manifest")
        return found

    async def tag(self, repository: str, tag: str, manifest: Manifest) -> None:
        """Name a manifest that is there; twice is harmless. Raises as ``manifest``."""
        kind = {"Content-Type": manifest.media_type}
        async with self._ask("PUT", repository, tag, headers=kind, data=manifest.body) as answer:
            if answer.status not in (200, 201):
                message = f"{self._registry.host} did not take a tag: {answer.status}"
                raise RegistryUnavailable(message)

    async def delete(self, repository: str, digest: Digest) -> bool:
        """Remove a manifest; False where there is none.

        Raises as ``manifest``, and DeletionRefused where it never deletes any.
        """
        async with self._ask("DELETE", repository, digest, headers={}) as answer:
            return answer.status != 404

    @asynccontextmanager
    async def _ask(
        self,
        method: Literal["GET", "PUT", "DELETE"],
        repository: str,
        reference: str,
        *,
        headers: Mapping[str, str],
        data: bytes | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Yield the answer to a request about a manifest, 404 or one that went well."""
        url = f"{self._url}/{repository}/manifests/{reference}"
        scope = f"repository:{repository}:{'delete' if method == 'DELETE' else 'pull,push'}"
        host = self._registry.host
        try:
            async with asyncio.timeout(SECONDS):
                for attempt in (1, 2):
                    sent = {**headers, **self._authorization(scope)}
                    async with self._session.request(method, url, headers=sent, data=data) as got:
                        if got.status == 401 and attempt == 1:
                            await self._challenged(got, repository, scope)
                            continue
                        self._check(got.status, repository)
                        yield got
                        return
        except aiohttp.ClientConnectorError as error:
            what = "it takes no connection"
            raise RegistryUnavailable(f"the registry {host} is not to be had: {what}") from error
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            what = str(error) or "it did not answer in time"
            raise RegistryUnavailable(f"the registry {host} is not to be had: {what}") from error

    def _check(self, status: int, repository: str) -> None:
        if status in (401, 403):
            raise self._refusal(repository)
        if status == 405:
            raise DeletionRefused(f"the registry {self._registry.host} deletes nothing")
        if status >= 400 and status != 404:
            raise RegistryUnavailable(f"the registry {self._registry.host} answered {status}")

    def _authorization(self, scope: str) -> dict[str, str]:
        if token := self._tokens.get(scope):
            return {"Authorization": f"Bearer {token}"}
        if self._basic:
            return self._login.basic
        return {}

    async def _challenged(
        self, answer: aiohttp.ClientResponse, repository: str, scope: str
    ) -> None:
        """Get what the registry asks for; raises RegistryRefused where we have it not."""
        self._tokens.pop(scope, None)
        challenge = answer.headers.get("WWW-Authenticate", "")
        method, _, rest = challenge.partition(" ")
        asked = {name.lower(): value for name, value in _PARAMETER.findall(rest)}
        if method.lower() == "bearer" and may_ask(asked.get("realm", ""), self._url):
            self._tokens[scope] = await self._token(asked, repository, scope)
        elif method.lower() == "basic" and self._login.user and not self._basic:
            self._basic = True
        else:
            raise self._refusal(repository)

    async def _token(self, asked: Mapping[str, str], repository: str, scope: str) -> str:
        query = {"scope": scope}
        if "service" in asked:
            query["service"] = asked["service"]
        sent = self._login.basic if self._login.user else {}
        async with self._session.get(asked["realm"], params=query, headers=sent) as answer:
            self._check(answer.status, repository)
            body = await answer.content.read(LIMIT)
        try:
            found = msgspec.json.decode(body, type=_Token)
        except msgspec.DecodeError as error:
            message = f"{self._registry.host}: its token service answered no token"
            raise RegistryUnavailable(message) from error
        return found.token or found.access_token

    def _refusal(self, repository: str) -> RegistryRefused:
        host, user = self._registry.host, self._login.user
        who = f"the password of {user}" if user else "requests without a user"
        return RegistryRefused(
            f"the registry {host} refused {who} for {repository}",
            hint="whoever runs Pushline has to set PUSHLINE_REGISTRY_USER and "
            "PUSHLINE_REGISTRY_PASSWORD to one that may push there",
        )


class _Token(msgspec.Struct):
    token: str = ""
    access_token: str = ""


def may_ask(realm: str, registry: str) -> bool:
    """Tell whether a token service may be told our password: never in the clear for TLS."""
    return realm.startswith("https://") or (
        realm.startswith("http://") and registry.startswith("http://")
    )


def api_host(host: str) -> str:
    """Return where a registry's API is; Docker Hub's is elsewhere."""
    return DOCKER_HUB[1] if host == DOCKER_HUB[0] else host


def scheme(host: str, *, insecure: bool) -> str:
    """Return http for a registry on loopback or one that is said to speak it."""
    return "http" if insecure or loopback(host) else "https"


def loopback(host: str) -> bool:
    """Tell whether a registry is on this machine, where engines speak plain http to it too."""
    name = host.rpartition(":")[0].strip("[]") if re.search(r":\d+$", host) else host
    try:
        return name == "localhost" or ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False
