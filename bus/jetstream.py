"""JetStream's API over one connection: requests whose fate is known as soon as it can be.

nats-py's own ``request`` waits out its timeout when the server dies; here all that is asked is
failed at once with LogUnavailable, so that it can be asked again.
"""

import asyncio
import base64
import itertools
import secrets
from collections.abc import Awaitable, Callable
from typing import Any, Final, NoReturn, TypeVar

import msgspec

from bus.natspy import Client, Msg
from bus.natspy import errors as nats_errors
from schemas.errors import LogUnavailable, PushlineError

# Seconds in which an outage is waited out before LogUnavailable: a cluster elects for up to nine.
PATIENCE: Final = 15.0
TIMEOUT: Final = 2.0  # seconds for one answer
T = TypeVar("T")


class Refused(Exception):
    """The server said no; ``code`` is JetStream's own (10071: a wrong last sequence)."""

    def __init__(self, code: int, description: str) -> None:
        """Keep what the server said."""
        super().__init__(f"{description} ({code})")
        self.code = code


class _Failure(msgspec.Struct, frozen=True):
    err_code: int = 0
    code: int = 0
    description: str = ""


class Ack(msgspec.Struct, frozen=True):
    """What a stream answers when it has stored a message."""

    seq: int = 0
    stream: str = ""
    duplicate: bool = False
    error: _Failure | None = None  # of one that it has not stored; never handed on


class Stored(msgspec.Struct, frozen=True):
    """A message read from a stream's leader."""

    subject: str
    seq: int
    hdrs: str = ""
    data: str = ""
    time: str = ""

    @property
    def headers(self) -> bytes:
        """Return the block of headers."""
        return base64.b64decode(self.hdrs)

    @property
    def body(self) -> bytes:
        """Return the payload."""
        return base64.b64decode(self.data)


class _Answer(msgspec.Struct, frozen=True):
    error: _Failure | None = None


class _Message(msgspec.Struct, frozen=True):
    message: Stored


_failure = msgspec.json.Decoder(_Answer).decode
_ack = msgspec.json.Decoder(Ack).decode
_message = msgspec.json.Decoder(_Message).decode

FULL: Final = 10077  # could not be stored; the code beside it is 503 all the same
NOT_FOUND: Final = frozenset({10037, 10059, 10014})  # no message, no stream, no consumer


class JetStream:
    """Requests to JetStream; shared between tasks."""

    def __init__(self, nats: Client, inbox: str, fatal: Callable[[PushlineError], None]) -> None:
        """Speak over ``nats``; answers come to subjects under ``inbox``."""
        self.nats = nats
        self.inbox = inbox
        self.fatal = fatal  # ends the block that holds the connection
        self.on_restored: list[Callable[[], Awaitable[None]]] = []
        self.connected = asyncio.Event()
        self.epoch = 0  # counts connections
        self._prefix = f"{inbox}.{secrets.token_hex(6)}."
        self._counter = itertools.count()
        self._waiting: dict[str, asyncio.Future[Msg]] = {}
        self._interruption: asyncio.Future[None] | None = None
        self._hooks: list[asyncio.Future[None]] = []

    async def open(self) -> None:
        """Listen for answers."""
        await self.nats.subscribe(self._prefix + "q.*", cb=self._answered)
        self.epoch = 1
        self.connected.set()

    def new_inbox(self) -> str:
        """Return a subject of our own."""
        return f"{self._prefix}s.{next(self._counter)}"

    def interruption(self) -> asyncio.Future[None]:
        """Return what is done when the connection breaks next; shared, not to be cancelled."""
        if self._interruption is None or self._interruption.done():
            self._interruption = asyncio.get_running_loop().create_future()
        return self._interruption

    async def _answered(self, message: Msg) -> None:
        waiting = self._waiting.get(message.subject)
        if waiting is not None and not waiting.done():
            waiting.set_result(message)

    def lost(self) -> None:
        """Fail all that waits: the connection broke, its answers will not come."""
        self.connected.clear()
        if self._interruption is not None and not self._interruption.done():
            self._interruption.set_result(None)
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(LogUnavailable("the connection to the log broke"))

    def restored(self) -> None:
        """Let requests through again."""
        self.epoch += 1
        self.connected.set()
        self._hooks = [asyncio.ensure_future(hook()) for hook in self.on_restored]

    async def request(
        self,
        subject: str,
        body: bytes = b"",
        *,
        headers: dict[str, str] | None = None,
        timeout: float = TIMEOUT,
    ) -> Msg:
        """Return the answer; LogUnavailable when there is none: it may have been done or not."""
        reply = f"{self._prefix}q.{next(self._counter)}"
        future: asyncio.Future[Msg] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(timeout):
                if not self.connected.is_set():
                    await self.connected.wait()
                self._waiting[reply] = future
                await self.nats.publish(subject, body, reply=reply, headers=headers)
                answer = await future
        except TimeoutError as error:
            raise LogUnavailable("the log did not answer in time") from error
        except nats_errors.Error as error:
            raise LogUnavailable(f"the log is not there: {error}") from error
        finally:
            self._waiting.pop(reply, None)
            future.cancel()
        if answer.headers and answer.headers.get("Status") == "503":
            raise LogUnavailable("nobody answers at the log")
        return answer

    async def call(self, verb: str, query: object = None, *, timeout: float = TIMEOUT) -> bytes:
        """Call ``$JS.API.<verb>``; return its answer as JSON, Refused when it is an error."""
        body = b"" if query is None else msgspec.json.encode(query)
        answer = await self.request(f"$JS.API.{verb}", body, timeout=timeout)
        return checked(answer.data)

    async def publish(self, subject: str, body: bytes, headers: dict[str, str]) -> Ack:
        """Store a message; LogUnavailable: perhaps stored, Refused: surely not."""
        return acknowledged((await self.request(subject, body, headers=headers)).data)

    async def message(self, stream: str, **query: Any) -> Stored | None:
        """Return one message from the leader: by ``seq``, ``last_by_subj``, ``next_by_subj``."""
        try:
            return _message(await self.call(f"STREAM.MSG.GET.{stream}", query)).message
        except Refused as error:
            if error.code in NOT_FOUND:
                return None
            raise

    async def info(self, stream: str) -> dict[str, Any] | None:
        """Return the state and configuration of a stream, None when there is none."""
        return await self._maybe(f"STREAM.INFO.{stream}")

    async def consumer(self, stream: str, name: str) -> dict[str, Any] | None:
        """Return the state and configuration of a consumer, None when there is none."""
        return await self._maybe(f"CONSUMER.INFO.{stream}.{name}")

    async def _maybe(self, verb: str) -> dict[str, Any] | None:
        try:
            answer: dict[str, Any] = msgspec.json.decode(await self.call(verb))
        except Refused as error:
            if error.code in NOT_FOUND:
                return None
            raise
        return answer


def acknowledged(body: bytes) -> Ack:
    """Return what a stream's answer says; Refused when it is an error."""
    try:
        ack = _ack(body)
    except msgspec.DecodeError as error:
        raise LogUnavailable("the log answered with something else") from error
    if ack.error is not None:
        _raise(ack.error)
    return ack


def checked(body: bytes) -> bytes:
    """Return an answer of the API as it is; Refused when it is an error."""
    try:
        failure = _failure(body).error
    except msgspec.DecodeError as error:
        raise LogUnavailable("the log answered with something else") from error
    if failure is not None:
        _raise(failure)
    return body


def _raise(failure: _Failure) -> NoReturn:
    if failure.code == 503 and failure.err_code != FULL:
        raise LogUnavailable(f"the log is not ready: {failure.description}")
    raise Refused(failure.err_code, failure.description)


async def patiently(attempt: Callable[[], Awaitable[T]], patience: float = PATIENCE) -> T:
    """Repeat ``attempt`` while it raises LogUnavailable itself, for ``patience`` seconds."""
    loop = asyncio.get_running_loop()
    deadline, pause = loop.time() + patience, 0.02
    while True:
        try:
            return await attempt()
        except LogUnavailable as error:
            if type(error) is not LogUnavailable or loop.time() + pause > deadline:
                raise
        await asyncio.sleep(pause)
        pause = min(pause * 2, 0.5)
