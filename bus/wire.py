"""A second connection that reads and publishes in bulk, kept over restarts of the server.

nats-py parses, allocates and queues message by message and comes to 50-80k/s; history is read
at two to three times that. ``bus/publish`` stores over it, too.
"""

import asyncio
import itertools
import secrets
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import SplitResult, urlsplit

import msgspec
import structlog

from bus import tls
from bus.protocol import Conversation, Raw, Sink, message
from schemas.errors import AccessDenied, LogUnavailable, PushlineError

if TYPE_CHECKING:
    from bus.settings import BusSettings

__all__ = ["Raw", "Sink", "Wire"]

log = structlog.get_logger(__name__)

PING_EVERY: Final = 10.0  # seconds; a server that misses two is taken for dead
PAUSE: Final = (0.02, 0.25)  # seconds between connections: first, most
CONNECT: Final = 5.0  # seconds for one


class Wire:
    """The connection; opened with its first user, kept until closed."""

    def __init__(self, settings: "BusSettings", *, name: str) -> None:
        """Connect, when needed, as ``settings`` say; raises SettingInvalid for bad TLS files."""
        self.fatal: Callable[[PushlineError], None] = lambda _: None
        self.inbox = f"{settings.inbox}.{secrets.token_hex(6)}"
        self._urls = itertools.cycle(settings.nats_url.split(","))
        self._settings = settings
        self._tls = tls.context(settings)
        self._name = name
        self._sids = itertools.count(2)
        self._tokens = itertools.count()
        self._replies = f"{self.inbox}.q.".encode()
        self._held: Conversation | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._up = asyncio.Event()

    async def __aenter__(self) -> Self:
        """Return itself; nothing is connected yet."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connection."""
        if self._keeper is not None:
            self._keeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeper
        if self._held is not None:
            self._held.transport.close()

    async def ready(self) -> None:
        """Wait until there is a connection."""
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep(), name="wire")
        await self._up.wait()

    @property
    def up(self) -> bool:
        """Tell whether there is a connection."""
        return self._up.is_set()

    def subscribe(self, sink: Sink) -> tuple[bytes, str]:
        """Give ``sink`` what comes to a new subject; return the subscription and the subject.

        It lasts as long as the connection.
        """
        held = self._connected()
        sid, subject = b"%d" % next(self._sids), f"{self.inbox}.s.{next(self._tokens)}"
        held.sinks[sid] = sink
        held.write(b"SUB %b %b\r\n" % (subject.encode(), sid))
        return sid, subject

    def unsubscribe(self, sid: bytes) -> None:
        """Take no more for this subscription."""
        if self._held is not None and self._held.sinks.pop(sid, None) is not None:
            self._held.write(b"UNSUB %b\r\n" % sid)

    def publish(self, subject: str, body: bytes, reply: str = "", block: bytes = b"") -> None:
        """Send a message; lost when the connection is."""
        sent = message(subject.encode(), reply.encode(), block, body)
        self._connected().send(sent, len(block) + len(body))

    async def request(self, subject: str, body: bytes, block: bytes = b"") -> Raw:
        """Return the answer; LogUnavailable when there is none, and it may have been done.

        ``block`` are the headers, whole.
        """
        if not self._up.is_set():
            await self.ready()
        held = self._connected()
        reply = b"%b%d" % (self._replies, next(self._tokens))
        held.send(message(subject.encode(), reply, block, body), len(block) + len(body))
        try:
            return await held.expect(reply)
        finally:
            held.answers.pop(reply, None)

    async def _keep(self) -> None:
        """Hold a connection, for ever."""
        pause = PAUSE[0]
        while True:
            try:
                held = await self._connect(next(self._urls))
            except (OSError, TimeoutError, LogUnavailable) as error:
                log.debug("wire_not_connected", error=str(error))
                await asyncio.sleep(pause)
                pause = min(pause * 2, PAUSE[1])
                continue
            pause = PAUSE[0]
            await _watch(held)

    async def _connect(self, url: str) -> Conversation:
        parts = urlsplit(url if "//" in url else f"nats://{url}")
        host, port = parts.hostname or "127.0.0.1", parts.port or 4222
        loop = asyncio.get_running_loop()
        first = self._tls if self._settings.tls_first else None
        async with asyncio.timeout(CONNECT):
            _, held = await loop.create_connection(
                lambda: Conversation(loop),
                host,
                port,
                ssl=first,
                server_hostname=host if first else None,
            )
            held.refused = self._refused
            try:
                info = await held.info
                if self._tls is not None and first is None:
                    await _encrypt(held, self._tls, host, offered=info.tls_required)
                held.write(self._greeting(parts))
                await held.ready
            except BaseException:
                held.transport.abort()
                raise
        held.lost = self._up.clear
        self._held = held
        self._up.set()
        return held

    def _connected(self) -> Conversation:
        if self._held is None:
            raise LogUnavailable("there is no connection to the log yet")
        return self._held

    def _greeting(self, url: SplitResult) -> bytes:
        options = {
            "verbose": False,
            "pedantic": False,
            "headers": True,
            "no_responders": True,
            "tls_required": self._tls is not None,
            "lang": "pushline",
            "version": "1",
            "protocol": 1,
            "name": f"{self._name}-wire",
            "user": self._settings.user or url.username or "",
            "pass": self._settings.password or url.password or "",
        }
        answers = b"SUB %b* 1\r\n" % self._replies
        return b"CONNECT " + msgspec.json.encode(options) + b"\r\n" + answers + b"PING\r\n"

    def _refused(self, text: str) -> None:
        lowered = text.lower()
        if "permissions violation" in lowered or "authorization" in lowered:
            user = self._settings.user or "(none)"
            self.fatal(AccessDenied(f"user {user}: {text}"))
        else:
            log.warning("wire_refused", error=text)


async def _encrypt(
    held: Conversation, context: ssl.SSLContext, host: str, *, offered: bool
) -> None:
    """Go on over TLS; LogUnavailable where the server speaks none: no password goes there."""
    if not offered:
        raise LogUnavailable(f"the log at {host} asks for no TLS, and we speak nothing else")
    loop = asyncio.get_running_loop()
    secured = await loop.start_tls(held.transport, held, context, server_hostname=host)
    if secured is None:  # what asyncio returns for a connection that ended meanwhile
        raise LogUnavailable("the connection to the log broke")
    held.connection_made(secured)


async def _watch(held: Conversation) -> None:
    """Return when the connection has ended; end one that has gone silent."""
    while not held.closed.done():
        await asyncio.wait((held.closed,), timeout=PING_EVERY)
        if held.missed > 1:
            held.transport.abort()
        elif not held.closed.done():
            held.missed += 1
            held.write(b"PING\r\n")
