"""GitHub's REST API, as a GitHub App asks it.

Limits are kept, reads are conditional, writes of an installation come one after the other.
What may be repeated is tried some times; after that the caller's event waits (``ForgeUnavailable``
is a Retry). Tokens go to GitHub alone: no redirect and no page leads them elsewhere.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Final
from urllib.parse import urlencode, urljoin, urlsplit

import aiohttp
import msgspec

from consumers.forges.asking import Answer, ForgeUnavailable
from consumers.forges.github.answers import DENIED, Raw, following, judged
from consumers.forges.github.app import App
from consumers.forges.github.limits import Limits
from consumers.forges.github.tokens import For, Tokens
from consumers.forges.github.turns import Turns
from consumers.forges.memory import Memory

__all__ = ["Answer", "Api", "Pace"]

AGENT: Final = "pushline"  # GitHub answers nobody without a name
VERSION: Final = "2022-11-28"
LARGEST: Final = 32 * 1024 * 1024  # bytes of an answer; a delivery has 25 MB
REDIRECTS: Final = 3
PAGES: Final = 1000  # of one list
REPEATABLE: Final = frozenset({"GET", "PUT", "PATCH", "DELETE"})


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How it asks."""

    tries: int = 3  # of what may be repeated
    wait: float = 0.5  # seconds before the second, doubled each time, with jitter
    gap: float = 1.0  # seconds between many writes of an installation, as GitHub asks for
    burst: int = 15  # writes that may follow each other at once
    timeout: float = 30.0  # seconds for one answer


class _Line:
    """Where the writes of one installation wait for each other."""

    def __init__(self, pace: Pace) -> None:
        self.lock = asyncio.Lock()
        self.turns = Turns(pace.gap, pace.burst)


class Api:
    """The API of one GitHub; safe to share between tasks. ``close`` ends its connections."""

    def __init__(
        self,
        app: App,
        pace: Pace | None = None,
        *,
        clock: Callable[[], float] = time.time,
        jitter: random.Random | None = None,
    ) -> None:
        """Ask as ``app``; nothing is sent yet."""
        self.app = app
        self._memory: Memory[Raw] = Memory()
        self._pace = pace or Pace()
        self._clock = clock
        self._jitter = jitter or random.Random()  # noqa: S311 - spreads requests, guards nothing
        self._limits = Limits(clock)
        self._tokens = Tokens(self._mint, clock)
        self._writing: dict[str, _Line] = {}
        self._kept: aiohttp.ClientSession | None = None

    def __repr__(self) -> str:
        """Return where it asks."""
        return f"Api({self.app.api!r})"

    async def close(self) -> None:
        """Close its connections."""
        if self._kept is not None:
            await self._kept.close()
            self._kept = None

    async def token(
        self,
        installation: str,
        repositories: tuple[int, ...] = (),
        permissions: Mapping[str, str] | None = None,
    ) -> str:
        """Return an installation token, good for these repositories and permissions only."""
        granted = tuple(sorted((permissions or {}).items()))
        return await self._tokens.get(For(installation, repositories, granted))

    async def request(
        self,
        method: str,
        path: str,
        *,
        installation: str = "",
        json: Any = None,
        query: Mapping[str, str] | None = None,
        etag: str = "",
    ) -> Answer:
        """Return the answer: success, or what the caller knows the meaning of (404, 422 …).

        ``installation``: in whose name; "": the App itself. A GET is conditional by itself and
        answers 200 from memory; with an ``etag`` of the caller's, 304 is the answer. Raises
        ForgeUnavailable (perhaps done: look before doing it again), ForgeRefused.
        """
        url = f"{self._url(path)}{'?' + urlencode(query) if query else ''}"
        if method == "GET":
            return (await self._read(url, installation, etag)).answer()
        line = self._writing.setdefault(installation, _Line(self._pace))
        async with line.lock:
            await asyncio.sleep(line.turns.take(time.monotonic()))
            return (await self._tried(method, url, installation, json=json)).answer()

    async def pages(
        self, path: str, *, installation: str = "", query: Mapping[str, str] | None = None
    ) -> AsyncIterator[Answer]:
        """Yield each page of a list; one that is no 200 is the last."""
        url = f"{path}?{urlencode({'per_page': '100', **(query or {})})}"
        for _ in range(PAGES):
            page = await self.request("GET", url, installation=installation)
            yield page
            url = following(page)
            if page.status != 200 or not url:
                return
        raise ForgeUnavailable(f"a list of GitHub has more than {PAGES} pages")

    async def _read(self, url: str, installation: str, etag: str) -> Raw:
        kept = None if etag else self._memory.get((installation, url))
        answer = await self._tried("GET", url, installation, etag=kept.tag if kept else etag)
        if answer.status == 304:
            return kept.answer if kept else answer
        tag = answer.headers.get("etag", "") if answer.status == 200 else ""
        self._memory.put((installation, url), answer, tag=tag, size=len(answer.body))
        return answer

    async def _mint(self, installation: str, asked: Mapping[str, Any]) -> Raw:
        """Ask for a token; asked twice there are two, and one dies unused."""
        path = f"/app/installations/{installation}/access_tokens"
        return await self._tried("POST", self._url(path), "", json=asked or None, repeat=True)

    async def _tried(
        self,
        method: str,
        url: str,
        installation: str,
        *,
        json: Any = None,
        etag: str = "",
        repeat: bool = False,
    ) -> Raw:
        """Ask, and again where it may be that GitHub only stumbled."""
        what = f"{method} {urlsplit(url).path}"
        tries = self._pace.tries if repeat or method in REPEATABLE else 1
        for left in range(tries - 1, -1, -1):
            try:
                return judged(await self._proven(method, url, installation, json, etag), what)
            except ForgeUnavailable as error:
                if not left or error.after:
                    raise
            wait = self._pace.wait * 2.0 ** (tries - 1 - left)
            await asyncio.sleep(wait * (0.5 + self._jitter.random()))
        raise AssertionError(what)

    async def _proven(self, method: str, url: str, installation: str, json: Any, etag: str) -> Raw:
        """Ask with a token; with a newer one where GitHub does not take it."""
        wanted = For(installation)
        while True:
            self._limits.check(installation)
            token = self.app.token(self._clock())
            if installation:
                token = await self._tokens.get(wanted)
            answer = await self._sent(method, url, token, json, etag)
            self._limits.learn(installation, answer)
            stale = answer.status == 401 or (answer.status == 403 and answer.says == DENIED)
            if not installation or not stale or not self._tokens.drop(wanted, token):
                return answer

    async def _sent(self, method: str, url: str, token: str, json: Any, etag: str) -> Raw:
        headers = {"Authorization": f"Bearer {token}"}
        if etag:
            headers["If-None-Match"] = etag
        data = None if json is None else msgspec.json.encode(json)
        if data is not None:
            headers["Content-Type"] = "application/json"
        for _ in range(REDIRECTS + 1):
            answer = await self._once(method, url, headers, data)
            if answer.status not in (301, 302, 307, 308):
                return answer
            url = self._url(urljoin(url, answer.headers.get("location", "")))
        raise ForgeUnavailable("GitHub redirects without end")

    async def _once(
        self, method: str, url: str, headers: Mapping[str, str], data: bytes | None
    ) -> Raw:
        try:
            async with self._session().request(
                method, url, headers=headers, data=data, allow_redirects=False
            ) as response:
                body = bytearray()
                async for part in response.content.iter_any():
                    body += part
                    if len(body) > LARGEST:
                        raise ForgeUnavailable(f"GitHub answered with more than {LARGEST} bytes")
                said = {name.lower(): value for name, value in response.headers.items()}
                return Raw(response.status, bytes(body), said)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise ForgeUnavailable(
                f"{urlsplit(self.app.api).netloc} does not answer: {type(error).__name__}",
                hint="it is asked again by itself",
            ) from None  # the error's own words may quote headers

    def _url(self, path: str) -> str:
        """Return an address of the API; ForgeUnavailable for one elsewhere."""
        url = path if "://" in path else f"{self.app.api}{path}"
        if urlsplit(url)[:2] != urlsplit(self.app.api)[:2]:
            raise ForgeUnavailable(
                "GitHub's API leads to another host, which is not followed",
                hint="set PUSHLINE_GITHUB_URL to the address that it has now",
            )
        return url

    def _session(self) -> aiohttp.ClientSession:
        if self._kept is None:
            self._kept = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=20),  # GitHub takes 100 at once from an App
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=self._pace.timeout, sock_connect=10),
                headers={
                    "Accept": "application/vnd.github+json",
                    "Accept-Encoding": "identity",
                    "User-Agent": AGENT,
                    "X-GitHub-Api-Version": VERSION,
                },
            )
        return self._kept
