"""A Docker Engine's own API: pushes what BuildKit exported into it, where BuildKit can't push."""

import asyncio
import base64
from contextlib import suppress
from typing import Final, Literal
from urllib.parse import quote

import aiohttp
import msgspec

from consumers.builder.images import Say
from consumers.builder.registry import Login
from schemas.errors import EngineUnavailable
from schemas.ids import Digest

LINE: Final = 1024 * 1024  # bytes of one message
INFO_SECONDS: Final = 30.0
SNAPSHOTTER: Final = ["driver-type", "io.containerd.snapshotter.v1"]

Exporter = Literal["image", "moby"]


class PushFailed(Exception):
    """The engine could not push; the text is its own."""


class _Info(msgspec.Struct):
    status: list[list[str]] | None = msgspec.field(default=None, name="DriverStatus")


class _Aux(msgspec.Struct):
    digest: Digest = msgspec.field(default="", name="Digest")


class _Message(msgspec.Struct):
    status: str = ""
    id: str = ""
    error: str = ""
    aux: _Aux | None = None


class Engine:
    """One engine, by its socket; raises EngineUnavailable where it does not answer."""

    def __init__(self, socket: str) -> None:
        """Speak to the engine behind this Unix socket."""
        self._socket = socket

    async def exporter(self) -> Exporter:
        """Return how an image leaves its BuildKit: only with containerd's store it can push."""
        async with self._session() as session:
            try:
                async with asyncio.timeout(INFO_SECONDS), session.get("/info") as answer:
                    info = msgspec.json.decode(await answer.read(), type=_Info)
            except (aiohttp.ClientError, OSError, TimeoutError, msgspec.DecodeError) as error:
                raise self._unavailable(error) from error
        return "image" if SNAPSHOTTER in (info.status or []) else "moby"

    async def push(self, target: str, login: Login, say: Say) -> Digest:
        """Push HOST/PATH:TAG; return its digest. Raises PushFailed."""
        name, _, tag = target.rpartition(":")
        host = name.partition("/")[0]
        headers = {"X-Registry-Auth": _auth(login, host)}
        url = f"/images/{quote(name, safe='/:')}/push"
        digest = ""
        async with self._session() as session:
            try:
                async with session.post(url, params={"tag": tag}, headers=headers) as answer:
                    if answer.status != 200:
                        raise PushFailed(await _reason(answer))
                    while line := await answer.content.readline():
                        message = msgspec.json.decode(line, type=_Message)
                        if message.error:
                            raise PushFailed(message.error)
                        if message.status == "Pushed":
                            say(f"pushed {message.id}")
                        digest = message.aux.digest if message.aux else digest
            except (aiohttp.ClientError, OSError, ValueError) as error:
                raise self._unavailable(error) from error
        if not digest:
            raise self._unavailable("it ended a push without a digest")
        return digest

    async def forget(self, target: str) -> None:
        """Remove an image's name from the engine: the registry has it, and disks are finite."""
        url = f"/images/{quote(target, safe='/:')}"
        with suppress(aiohttp.ClientError, OSError, TimeoutError):  # next time it has another tag
            async with self._session() as session, asyncio.timeout(INFO_SECONDS):
                await (await session.delete(url)).read()

    def _session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            "http://engine",
            connector=aiohttp.UnixConnector(self._socket),
            timeout=aiohttp.ClientTimeout(total=None),  # a build's limit is its own
            read_bufsize=LINE,
        )

    def _unavailable(self, why: object) -> EngineUnavailable:
        said = str(why) or "it did not answer in time"
        return EngineUnavailable(f"the engine at {self._socket} is not to be had: {said}")


def _auth(login: Login, host: str) -> str:
    """Return the header's value; the engine wants one, also where nobody logs in."""
    told = {"username": login.user, "password": login.password, "serveraddress": host}
    return base64.urlsafe_b64encode(msgspec.json.encode(told if login.user else {})).decode()


async def _reason(answer: aiohttp.ClientResponse) -> str:
    body = await answer.read()
    try:
        return str(msgspec.json.decode(body, type=dict[str, str]).get("message", answer.status))
    except msgspec.DecodeError:
        return f"status {answer.status}"
