"""A client of GitLab's REST API, https://docs.gitlab.com/api/rest.

Only what GitLab itself says is an answer. A timeout, a 5xx, a page that is no JSON, a redirect:
all are ForgeUnavailable, as is a limit that is reached, which is waited for where it is soon over.
A 401 or 403 is ForgeRefused. Redirects are not followed, nor links to elsewhere, with a token at
hand.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp
import msgspec

from consumers.forges.asking import Answer, ForgeUnavailable
from consumers.forges.gitlab.answers import following, judged
from consumers.forges.gitlab.limits import Limits
from consumers.forges.memory import Memory

CONNECT: Final = 10.0  # seconds
TOTAL: Final = 30.0
LARGEST: Final = 16 * 1024 * 1024  # bytes of one answer
PER_PAGE: Final = 100  # the most that GitLab gives
AT_ONCE: Final = 4  # requests


class Api:
    """One instance, asked as one token; safe to share between tasks. ``close`` ends it."""

    def __init__(
        self, url: str, token: str = "", *, clock: Callable[[], float] = time.time
    ) -> None:
        """Ask ``url``; ``token`` is of a person, group, project or OAuth application.

        It goes as a bearer, which GitLab takes of each of them. ``clock`` is for what GitLab says
        of its limits.
        """
        self.url = url.rstrip("/")
        self._auth = {"Authorization": f"Bearer {token}"} if token else {}
        self._limits = Limits(clock)
        self._memory: Memory[Answer] = Memory()
        self._places = asyncio.Semaphore(AT_ONCE)
        self._kept: aiohttp.ClientSession | None = None

    def __repr__(self) -> str:
        """Return what may be shown."""
        return f"Api({self.url!r})"

    async def close(self) -> None:
        """Close its connections."""
        if self._kept is not None:
            await self._kept.close()
            self._kept = None

    async def request(
        self,
        method: str,
        path: str,
        *,
        installation: str = "",  # noqa: ARG002 - GitLab has none; the shape is that of all forges
        json: object = None,
        query: Mapping[str, str] | None = None,
        etag: str = "",
    ) -> Answer:
        """Return the answer; with ``etag`` perhaps 304. Raises ForgeUnavailable, ForgeRefused.

        ``path`` begins with a slash, after ``/api/v4``; what is put into it is quoted.
        """
        url = f"{self.url}/api/v4{path}"
        if query:
            url = f"{url}?{urlencode(query)}"
        async with self._places:
            await self._limits.wait()
            answer, kind = await self._sent(method, url, json, etag)
        self._limits.heard(answer)
        return judged(answer, kind, f"{method} {path}")

    async def pages(
        self, path: str, *, installation: str = "", query: Mapping[str, str] | None = None
    ) -> AsyncGenerator[Answer, None]:
        """Yield each page of a list, or the one answer that is none.

        Pages that have not changed are not sent again. Where a list can be had by keyset, ask for
        it in ``query``.
        """
        asked: Mapping[str, str] | None = {"per_page": str(PER_PAGE), **(query or {})}
        while asked is not None:
            answer = await self._page(path, asked, installation)
            yield answer
            asked = following(answer, asked)

    async def _page(self, path: str, query: Mapping[str, str], who: str) -> Answer:
        """Return a page, of what is kept where GitLab says that it has not changed."""
        key = (who, f"{path}?{urlencode(query)}")
        kept = self._memory.get(key)
        answer = await self.request("GET", path, query=query, etag=kept.tag if kept else "")
        if answer.status == 304 and kept is not None:
            return kept.answer
        tag = answer.headers.get("etag", "") if answer.status == 200 else ""
        self._memory.put(key, answer, tag=tag, size=answer.size)
        return answer

    async def _sent(self, method: str, url: str, json: object, etag: str) -> tuple[Answer, str]:
        """Return what came, and whether it is JSON."""
        data = None if json is None else msgspec.json.encode(json)
        headers = self._auth | {"Accept": "application/json"}
        headers |= {"Content-Type": "application/json"} if data is not None else {}
        headers |= {"If-None-Match": etag} if etag else {}
        try:
            async with self._session().request(
                method, url, data=data, headers=headers, allow_redirects=False
            ) as response:
                body = await _bounded(response)
                named = {name.lower(): value for name, value in response.headers.items()}
                return _answer(response.status, body, named), response.content_type
        except TimeoutError as error:
            raise ForgeUnavailable(f"GitLab at {self.url} takes too long to answer") from error
        except (aiohttp.ClientError, OSError) as error:
            raise ForgeUnavailable(
                f"GitLab at {self.url} does not answer: {type(error).__name__}"
            ) from error

    def _session(self) -> aiohttp.ClientSession:
        if self._kept is None:
            self._kept = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=TOTAL, sock_connect=CONNECT),
                cookie_jar=aiohttp.DummyCookieJar(),
                requote_redirect_url=False,
            )
        return self._kept


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for piece in response.content.iter_chunked(64 * 1024):
        body += piece
        if len(body) > LARGEST:
            raise ForgeUnavailable(f"GitLab's answer is over {LARGEST} bytes")
    return bytes(body)


def _answer(status: int, body: bytes, headers: Mapping[str, str]) -> Answer:
    decoded: Any = None
    if body:
        try:
            decoded = msgspec.json.decode(body)
        except msgspec.DecodeError:
            decoded = msgspec.UNSET
    return Answer(status, decoded, headers, len(body))
