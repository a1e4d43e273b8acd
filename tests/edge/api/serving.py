"""The whole API on a real log, all of its folds running, and whoever is to ask it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import httpx
import msgspec

from bus.connection import Bus
from consumers.secrets.desk import Desk
from edge.api.app import create
from edge.api.domain_book import DomainBook
from edge.api.tailing import Tails
from edge.api.views import Views
from edge.auth.people import PLATFORM, Caller
from edge.auth.room import Auth
from edge.cli.past import then_of
from schemas.envelope import Aggregate
from schemas.events import Event
from tests.edge.auth.entering import Denials, asking, auth_of


class Answer(NamedTuple):
    """The start of an answer, and its body if that ends."""

    status: int
    body: bytes

    @property
    def json(self) -> Any:
        """Return what the body says."""
        return msgspec.json.decode(self.body)


@dataclass
class Serving:
    """One API; each question says who asks."""

    bus: Bus
    application: Any  # ASGI, typed in Litestar's own words
    views: Views
    desk: Desk
    auth: Auth
    denied: Denials = field(default_factory=Denials)
    written: int = 0  # facts

    async def ask(self, caller: Caller | None, method: str, path: str, body: Any = None) -> Answer:
        """Ask as somebody; None: as nobody that the door has found. Streams are not read."""
        found = asyncio.get_running_loop().create_future()
        sending = asyncio.create_task(self._asked(caller, method, path, body, found))
        try:
            done, _ = await asyncio.wait((found, sending), return_when=asyncio.FIRST_COMPLETED)
            if found not in done:
                sending.result()
            answer: Answer = await found
            return answer
        finally:
            sending.cancel()

    async def _asked(
        self, caller: Caller | None, method: str, path: str, body: Any, found: Any
    ) -> None:
        url = httpx.URL(path)
        sent = b"" if body is None else msgspec.json.encode(body)
        scope: dict[str, Any] = {
            "type": "http",
            "method": method,
            "path": url.path,
            "raw_path": url.raw_path,
            "query_string": url.query,
            "headers": [
                (b"host", b"localhost"),
                (b"content-type", b"application/json"),
                (b"content-length", b"%d" % len(sent)),
            ],
            "client": ("127.0.0.1", 1),
            "server": ("localhost", 80),
            "scheme": "http",
            "http_version": "1.1",
            "root_path": "",
        }
        if caller is not None:
            scope["asking"] = asking(caller, denied=self.denied)
        whole = [{"type": "http.request", "body": sent, "more_body": False}]

        async def receive() -> Any:
            return whole.pop() if whole else await asyncio.Event().wait()

        status, parts = 0, b""

        async def send(message: Any) -> None:
            nonlocal status, parts
            if message["type"] == "http.response.start":
                status, headers = message["status"], dict(message["headers"])
                if headers.get(b"content-type", b"").startswith(b"text/event-stream"):
                    found.set_result(Answer(status, b""))
                return
            parts += message.get("body", b"")
            if not message.get("more_body", False) and not found.done():
                found.set_result(Answer(status, parts))

        await self.application(scope, receive, send)

    async def write(self, fact: Event, of: Aggregate, *, name: str = "", actor: str = "x") -> int:
        """Append a fact and wait until everything knows it."""
        seq = await self.append(fact, of, name=name, actor=actor)
        await self.known(seq)
        return seq

    async def append(self, fact: Event, of: Aggregate, *, name: str = "", actor: str = "x") -> int:
        """Append a fact, of which something will know in a moment."""
        self.written += 1
        id = f"test:{self.written}"
        return await self.bus.log.append(fact, of=of, id=id, name=name, actor=actor)

    async def known(self, seq: int) -> None:
        """Wait until all folds are true at a sequence."""
        folds = (*self.views.folds, *self.auth.book.folds, self.desk.register)
        await asyncio.gather(*(fold.reached(seq) for fold in folds))


@asynccontextmanager
async def serving(bus: Bus) -> AsyncIterator[Serving]:
    """Yield the API on an empty log."""
    views = Views.make(None, lambda label, _, function: f"http://{label}.localhost/{function}")
    desk, auth = Desk.of(bus, bus.settings.home / "secrets", None), auth_of(bus)
    folds = (*views.folds, *auth.book.folds, desk.register)
    tasks = [asyncio.create_task(fold.run(bus.follow)) for fold in folds]
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
        tails=Tails(bus.follow, bus.log),
        bus=bus,
        version="0",
    )
    served = Serving(bus, application, views, desk, auth)
    assert (await served.ask(PLATFORM, "GET", "/api/me")).status == 200
    try:
        yield served
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
