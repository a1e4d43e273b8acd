"""The API of a real log at a port of its own, and readers of its tails."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import httpx
import msgspec
import uvicorn

from bus.connection import Bus
from consumers.secrets.desk import Desk
from edge.api.app import create
from edge.api.domain_book import DomainBook
from edge.api.tailing import Tails
from edge.api.views import Views
from edge.auth.asking import Asking
from edge.auth.people import PLATFORM, Caller
from edge.cli.past import then_of
from schemas.envelope import Aggregate
from schemas.events.branch import BranchPushed
from schemas.repository import Repository
from tests.bus.workers import eventually
from tests.edge.auth.entering import Denials, auth_of

SHA = "a" * 40


@dataclass
class Listening:
    """An API, and who asks: that may change while an answer goes on."""

    bus: Bus
    application: Any = None  # ASGI, typed in Litestar's own words
    url: str = ""
    caller: Caller | None = PLATFORM
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    def asking(self) -> Asking:
        """Return the one who asks, as the door would have found him."""
        return Asking(self.caller or PLATFORM, Denials(), lambda: self.caller)

    async def get(self, path: str) -> tuple[int, Any]:
        """Return the status and the body of an answer that ends."""
        transport = httpx.ASGITransport(self.application)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            response = await client.get(path)
            return response.status_code, response.json()

    async def push(self, number: int, owner: str = "alice", actor: str = "") -> int:
        """Append that somebody pushed; return the sequence."""
        of = Aggregate("local", f"{owner}/shop", "branch", f"b{number}")
        fact = BranchPushed(
            branch=f"b{number}",
            before=SHA,
            after=SHA,
            pusher=owner,
            repository=Repository(owner, "shop", "main"),
        )
        return await self.bus.log.append(
            fact,
            of=of,
            id=f"intake:{owner}:{number}:branch.pushed",
            actor=actor or owner,
            name=f"{owner}/shop",
        )


@dataclass
class Reader:
    """One reader of a tail, and what he got."""

    url: str
    last: str = ""  # Last-Event-ID, as a browser keeps it
    items: list[dict[str, Any]] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)
    beats: int = 0

    @property
    def seqs(self) -> list[int]:
        """Return the sequences of what was read."""
        return [item["seq"] for item in self.items]

    async def read(self) -> None:
        """Read one answer until it ends."""
        headers = {"Last-Event-ID": self.last} if self.last else {}
        timeout = aiohttp.ClientTimeout(total=None)
        async with (
            aiohttp.ClientSession(timeout=timeout, headers=headers) as session,
            session.get(self.url) as response,
        ):
            assert response.status == 200, await response.text()
            assert response.content_type == "text/event-stream"
            await self._parse(response.content)

    async def _parse(self, lines: aiohttp.StreamReader) -> None:
        kind, data, id = "", "", self.last
        while line := await lines.readline():
            name, _, value = line.decode().rstrip("\n").partition(":")
            value = value.removeprefix(" ")
            if name == "id":
                id = value
            elif name == "event":
                kind = value
            elif name == "data":
                data = value
            elif name == "" and value:
                self.beats += 1
            elif not name:
                self.last = id
                self._dispatch(kind, data)
                kind, data = "", ""

    def _dispatch(self, kind: str, data: str) -> None:
        if kind == "end":
            self.ends.append(msgspec.json.decode(data)["reason"])
        elif data:
            self.items.append(msgspec.json.decode(data))
            assert str(self.items[-1]["seq"]) == self.last


@asynccontextmanager
async def reading(reader: Reader) -> AsyncIterator[Reader]:
    """Read while the block runs, from the moment at which the tail is there."""
    task = asyncio.create_task(reader.read())
    await eventually(lambda: reader.beats or task.done())
    try:
        yield reader
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def answering(bus: Bus) -> AsyncIterator[Listening]:
    """Yield the API, for answers that end."""
    views = Views.make(None, lambda label, _, function: f"http://{label}.localhost/{function}")
    folding = [asyncio.create_task(fold.run(bus.follow)) for fold in views.folds]
    served = Listening(bus)
    desk, auth = Desk.of(bus, bus.settings.home / "secrets", None), auth_of(bus)
    application: Any = create(
        views,
        bus.lines,
        bus.build_logs,
        desk,
        counts=bus.usage,
        book=DomainBook(bus.log, "localhost"),
        event_log=bus.log,
        auth=auth,
        then=then_of(bus, views, desk, auth.book, None),
        tails=Tails(bus.follow, bus.log, served.stopping.is_set),
        bus=bus,
        version="0",
    )

    async def asked(scope: Any, receive: Any, send: Any) -> None:
        found = {} if scope["type"] == "lifespan" else {"asking": served.asking()}
        await application(scope | found, receive, send)

    served.application = asked
    yield served
    for task in folding:
        task.cancel()


@asynccontextmanager
async def listening(bus: Bus) -> AsyncIterator[Listening]:
    """Serve the API at a port, for answers that go on."""
    listener = socket.create_server(("127.0.0.1", 0))
    async with answering(bus) as served:
        served.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        config = uvicorn.Config(
            served.application, lifespan="off", log_level="warning", timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve([listener]))
        await eventually(lambda: server.started)
        try:
            yield served
        finally:
            server.should_exit = True
            await serving
            listener.close()
