"""A session: what a daemon may ask of us while it builds.

The daemon is the client here: the bytes within Control.Session are HTTP/2, and we serve.
"""

import asyncio
import contextlib
import hashlib
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import grpc
from google.protobuf.message import Message

from consumers.builder.buildkit.calls import Calls
from consumers.builder.buildkit.contexts import Context, Tree
from consumers.builder.buildkit.http2.errors import Abort, Code, ConnectionBroken
from consumers.builder.buildkit.http2.server import Handler, Server
from consumers.builder.buildkit.http2.stream import Stream, framed
from consumers.builder.buildkit.receiving import Receiver, take_output
from consumers.builder.buildkit.sending import send_folder
from consumers.builder.pb.auth_pb2 import CredentialsRequest, CredentialsResponse
from consumers.builder.pb.control_pb2 import BytesMessage
from consumers.builder.pb.secrets_pb2 import GetSecretRequest, GetSecretResponse

CHUNK: Final = 256 * 1024  # bytes in one message to the daemon
SERVING: Final = b"\x08\x01"  # grpc.health.v1.HealthCheckResponse{status: SERVING}
EXPOSED: Final = "x-docker-expose-session-"

SessionCall: TypeAlias = grpc.aio.StreamStreamCall[Message, BytesMessage]
Credentials: TypeAlias = Callable[[str], tuple[str, str]]  # registry host → user, password
Secrets: TypeAlias = Callable[[str], bytes | None]  # id of a mount → its content


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a session has to give and to take."""

    contexts: Mapping[str, Context] = field(default_factory=dict)
    credentials: Credentials | None = field(default=None, repr=False)
    secrets: Secrets | None = field(default=None, repr=False)
    receive: Sequence[Receiver] = ()
    shared_key: str = ""


class Session:
    """Made by ``Client.session``; its id is named in a Solve."""

    def __init__(self, calls: Calls, offer: Offer) -> None:
        """Prepare; nothing is served yet."""
        self.id = secrets.token_hex(16)
        self.failure: Exception | None = None  # of a context or callback of ours, the first one
        self._calls = calls
        self._offer = offer
        self._trees: dict[str, Tree] = {}

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator["Session"]:
        """Look at the contexts, then serve until the block ends; raise ContextInvalid."""
        for name, context in self._offer.contexts.items():
            self._trees[name] = await asyncio.to_thread(context.open)
        handlers = self._handlers()
        server = Server(handlers, self._failed)
        call = self._calls.session(metadata=self._metadata(handlers))
        tasks = [
            asyncio.create_task(self._up(server, call)),
            asyncio.create_task(self._down(server, call)),
        ]
        try:
            yield self
        finally:
            call.cancel()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await server.close("the session has ended")

    def _failed(self, error: Exception) -> None:
        self.failure = self.failure or error

    def _handlers(self) -> dict[str, Handler]:
        handlers: dict[str, Handler] = {
            "/grpc.health.v1.Health/Check": _health,
            "/moby.filesync.v1.Auth/Credentials": self._credentials,
            "/moby.buildkit.secrets.v1.Secrets/GetSecret": self._secret,
        }
        if self._trees:
            handlers["/moby.filesync.v1.FileSync/DiffCopy"] = self._send
        if self._offer.receive:
            handlers["/moby.filesync.v1.FileSend/DiffCopy"] = self._receive
        return handlers

    def _metadata(self, handlers: Mapping[str, Handler]) -> list[tuple[str, str]]:
        return [
            (EXPOSED + "uuid", self.id),
            (EXPOSED + "name", "pushline"),
            (EXPOSED + "sharedkey", self._shared_key()),
            *((EXPOSED + "grpc-method", path) for path in handlers),
        ]

    def _shared_key(self) -> str:
        """Return what lets a daemon compare with the files it has from an earlier session."""
        origins = sorted(f"{name}={tree.origin}" for name, tree in self._trees.items())
        key = self._offer.shared_key or "\n".join(origins)
        return hashlib.sha256(key.encode(errors="surrogateescape")).hexdigest()

    async def _up(self, server: Server, call: SessionCall) -> None:
        """Carry what we say."""
        connection = server.connection
        with contextlib.suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
            while True:
                await connection.ready.wait()
                await call.write(BytesMessage(data=connection.take(CHUNK)))

    async def _down(self, server: Server, call: SessionCall) -> None:
        """Carry what the daemon says; when that ends, every call ends."""
        why = "the daemon ended the session"
        try:
            while isinstance(message := await call.read(), BytesMessage):  # not grpc.aio.EOF
                server.connection.feed(message.data)
        except ConnectionBroken as error:
            why = str(error)
            call.cancel()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            pass  # Solve says why
        finally:
            server.connection.close(why)

    async def _send(self, stream: Stream) -> None:
        await send_folder(stream, self._trees, self._failed)

    async def _receive(self, stream: Stream) -> None:
        await take_output(stream, self._offer.receive)

    async def _credentials(self, stream: Stream) -> None:
        """Say who we are at a registry; nobody, where there is nothing to say."""
        host = CredentialsRequest.FromString(await stream.read() or b"").Host
        user, password = self._offer.credentials(host) if self._offer.credentials else ("", "")
        answer = CredentialsResponse(Username=user, Secret=password)
        await stream.write(framed(answer.SerializeToString()))

    async def _secret(self, stream: Stream) -> None:
        name = GetSecretRequest.FromString(await stream.read() or b"").ID
        secret = self._offer.secrets(name) if self._offer.secrets else None
        if secret is None:
            raise Abort(Code.NOT_FOUND, f"secret {name} not found")
        await stream.write(framed(GetSecretResponse(data=secret).SerializeToString()))


async def _health(stream: Stream) -> None:
    """Answer the daemon, which asks every five seconds."""
    await stream.write(framed(SERVING))
