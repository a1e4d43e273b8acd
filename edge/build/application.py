"""``POST /build`` as bare ASGI: verified, spooled, built, answered in the predecessor's shapes.

Nothing is read for a request without a signature, nothing is looked into before the signature
over the raw bytes holds. Its own version built with no limit of time or number, went on when its
caller had gone, and pushed wherever it was told to.

- 200 built · 400 no such tar · 401 not signed · 403 an image that is not ours to push · 405
- 408 · 413 · 500 it does not build · 503 with Retry-After: engine or registry is away, or too many
"""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import structlog

from bus.blocking import run_blocking
from edge.build import order
from edge.build.answers import NDJSON, Answer, Streamed, Whole, whole
from edge.build.port import Images, Job
from edge.build.spool import folder, spooled
from edge.ingest.gate import Gate, Refusal
from edge.ingest.receiving import Headers, Message, Receive, Send, announced
from edge.signatures import SETTING, Signature
from schemas.errors import BuildFailed, PushlineError, Retry

log = structlog.get_logger(__name__)

PATH: Final = "/build"
LIMIT: Final = 512 * 1024 * 1024  # bytes of a tar
WAITING: Final = 8  # requests at once, those that are built among them
LATER: Final = (b"retry-after", b"10")  # seconds


class NotOurs(PushlineError):
    """The caller wants an image pushed to where we push nothing."""

    code = "image_not_ours"


@dataclass(frozen=True, slots=True)
class Build:
    """ASGI application of ``/build``; without a secret nobody may build."""

    images: Images
    work: Path  # a folder for bodies
    places: asyncio.Semaphore  # builds at once
    secret: bytes = field(repr=False)
    gate: Gate = field(default_factory=lambda: Gate(places=WAITING))

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request; when the caller goes away, its build stops."""
        try:
            if scope["method"] != "POST":
                raise Refusal(405, "POST a tar")
            headers = dict(scope["headers"])
            signature = self.claim(headers)
            with self.gate.entered(), folder(self.work) as place:
                tar = place / "body.tar"
                if await spooled(receive, signature, tar, LIMIT):
                    job = await run_blocking(order.read, tar)
                    answer = _answer(headers, send, job)
                    await self._unless_gone(self.build(job, answer), receive)
        except Refusal as refusal:
            more = [LATER] if refusal.status == 503 else []
            more += [(b"allow", b"POST")] if refusal.status == 405 else []
            text = f"{refusal.text}\n".encode()
            await whole(send, refusal.status, b"text/plain; charset=utf-8", text, *more)

    def claim(self, headers: Headers) -> Signature:
        """Return the signature to check; refuses a request without one."""
        announced(headers, LIMIT)
        if not self.secret:
            log.warning("payload_secret_unset", setting=SETTING)
            raise Refusal(401, "no payload secret is set here")
        signature = Signature.claimed(headers, self.secret)
        if signature is None:
            raise Refusal(401, "not signed")
        return signature

    async def build(self, job: Job, answer: Answer) -> None:
        """Build as soon as there is a place, and tell how it goes."""
        telling = asyncio.create_task(answer.run())
        try:
            error = await self._outcome(job, answer)
        finally:
            telling.cancel()
            with suppress(asyncio.CancelledError):
                await telling
        await answer.end(error, _status(error))

    async def _outcome(self, job: Job, answer: Answer) -> PushlineError | None:
        if why := self.images.refusal(job.image):
            return NotOurs(f"{job.image} is not pushed from here: {why}")
        try:
            async with self.places:
                await self.images.make(job, answer.say)
        except (BuildFailed, Retry) as error:
            log.info("build_request_failed", image=job.image, code=error.code)
            return error
        log.info("build_request_built", image=job.image)
        return None

    async def _unless_gone(self, building: Coroutine[Any, Any, None], receive: Receive) -> None:
        work = asyncio.create_task(building)
        gone = asyncio.create_task(_gone(receive))
        try:
            await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                work.result()
        finally:
            for task in (work, gone):
                task.cancel()
            await asyncio.wait({work, gone})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _answer(headers: Headers, send: Send, job: Job) -> Answer:
    streamed = NDJSON in headers.get(b"accept", b"")
    return Streamed(send, job.image) if streamed else Whole(send, job.image)


def _status(error: PushlineError | None) -> int:
    match error:
        case None:
            return 200
        case NotOurs():
            return 403
        case Retry():
            return 503
        case _:
            return 500
