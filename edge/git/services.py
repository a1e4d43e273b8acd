"""The two POSTs, from request body to answer; what is wrong with them is said in git's terms."""

import asyncio
import tempfile
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import IO, Final, Protocol

import structlog

from bus.blocking import run_blocking
from edge.git import asgi, pktline
from edge.git.asgi import Gone, Receive, Send
from edge.git.body import BodyTooLarge, spool
from edge.git.commands import Push, parse, report
from edge.git.errors import ClientGone, ProtocolBroken
from edge.git.quarantine import FOLDER
from edge.git.receive import Receiver
from edge.git.repack import MOST, repack
from edge.git.repository import Repository
from edge.git.upload import upload
from edge.git.weigh import Limits, readable

log = structlog.get_logger(__name__)

FETCH_LIMIT: Final = 8 * 1024 * 1024  # bytes of what a client says it wants and has
CLOSE: Final = (b"connection", b"close")


class Answer(Protocol):
    """Answers a request whose body was spooled, perhaps not to its end."""

    async def __call__(self, file: IO[bytes], /, *, whole: bool) -> None:
        """Send status and body."""
        ...


@dataclass(frozen=True, slots=True)
class Request:
    """One POST whose sender and target are known."""

    headers: Mapping[bytes, bytes]
    user: str
    repository: Repository
    receive: Receive
    send: Send


async def fetch(request: Request) -> None:
    """Answer git-upload-pack."""
    repository = request.repository
    if await run_blocking(repository.read) is None:
        return await asgi.refuse(request.send, 404, f"there is no {repository.project} yet")
    return await _with_body(request, FETCH_LIMIT, partial(_fetch, request))


async def _fetch(request: Request, file: IO[bytes], *, whole: bool) -> None:
    if not whole:
        return await asgi.refuse(request.send, 413, "the request is too large")
    await asgi.start(request.send, 200, "application/x-git-upload-pack-result")
    return await _stream(request, lambda _: upload(file, request.repository))


async def push(request: Request, receiver: Receiver) -> None:
    """Answer git-receive-pack."""
    await _with_body(request, receiver.limits.body, partial(_push, request, receiver))
    await run_blocking(repack, request.repository, MOST)


async def _push(request: Request, receiver: Receiver, file: IO[bytes], *, whole: bool) -> None:
    asked = await run_blocking(parse, file)
    kind = "application/x-git-receive-pack-result"
    if not asked.commands:  # what git sends to try its password before a large push
        return await asgi.answer(request.send, 200, b"", kind)
    await asgi.start(request.send, 200, kind)
    if whole:
        return await _stream(request, partial(_pushed, request, receiver, asked, file))
    log.info("push_refused", project=request.repository.project, reason="size")
    return await _stream(request, lambda _: _too_large(asked, receiver.limits))


def _pushed(
    request: Request, receiver: Receiver, asked: Push, file: IO[bytes], gone: Gone
) -> AsyncGenerator[bytes, None]:
    return receiver.push(asked, file, request.repository, pusher=request.user, gone=gone)


async def _too_large(asked: Push, limits: Limits) -> AsyncGenerator[bytes, None]:
    why = f"the push is larger than {readable(limits.body)}"
    if asked.talks:
        yield pktline.band(pktline.PROGRESS, f"error: {why}\n".encode())
    yield report(asked, why, {command.ref: "the push is too large" for command in asked.commands})


async def _with_body(request: Request, limit: int, answer: Answer) -> None:
    """Spool the body and answer; say what goes wrong with it."""
    folder = request.repository.root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            whole = await spool(request.receive, request.headers, file, limit)
            await answer(file, whole=whole)
    except ClientGone:
        log.info("client_gone", project=request.repository.project)
    except BodyTooLarge as error:
        await asgi.refuse(request.send, 413, error.message, CLOSE)
    except ProtocolBroken as error:
        await asgi.refuse(request.send, 400, error.message, CLOSE)


async def _stream(request: Request, answer: Callable[[Gone], AsyncGenerator[bytes, None]]) -> None:
    """Send an answer as it comes, until it ends or the client has gone."""
    gone = asyncio.create_task(asgi.disconnected(request.receive))
    try:
        await asgi.stream(request.send, answer(gone), gone)
    finally:
        gone.cancel()
