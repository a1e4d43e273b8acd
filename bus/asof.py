"""What stood last in EVENTS at a sequence, asked of the server: for those who look back.

JetStream's direct get answers with the newest message of each subject up to a sequence (ADR-31).
"""

import asyncio
from contextlib import suppress
from typing import Final

import msgspec

from bus import envelope
from bus.jetstream import JetStream, patiently
from bus.log import EVENTS
from bus.natspy import Msg
from schemas.envelope import Recorded
from schemas.errors import LogUnavailable, PushlineError
from schemas.events import Event

ANSWER: Final = 5.0  # seconds for all of them
OPEN_ENDED: Final = "413"  # the server hands out 1,024 at most


class TooMany(PushlineError):
    """A filter matches more subjects than the server tells of at once."""

    code = "too_many_subjects"


async def latest(js: JetStream, filter: str, until: int) -> list[Recorded[Event]]:
    """Return the newest event of each subject that ``filter`` matches, up to ``until``.

    Raises TooMany, and LogUnavailable after some patience.
    """
    if until <= 0:
        return []
    query = msgspec.json.encode({"multi_last": [filter], "up_to_seq": until})
    return await patiently(lambda: _asked(js, query))


async def _asked(js: JetStream, query: bytes) -> list[Recorded[Event]]:
    inbox, found = js.new_inbox(), list[Recorded[Event]]()
    ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def take(message: Msg) -> None:
        headers = message.headers or {}
        if (status := headers.get("Status", "")) and not ended.done():
            ended.set_result(status)
        elif not status:
            subject, seq = headers["Nats-Subject"], int(headers["Nats-Sequence"])
            found.append(envelope.to_event(subject, headers, message.data, seq))

    await js.connected.wait()
    subscription = await js.nats.subscribe(inbox, cb=take)
    try:
        await js.nats.publish(f"$JS.API.DIRECT.GET.{EVENTS}", query, reply=inbox)
        lost = js.interruption()
        await asyncio.wait((ended, lost), timeout=ANSWER, return_when=asyncio.FIRST_COMPLETED)
    finally:
        with suppress(Exception):  # the connection may be gone
            await subscription.unsubscribe()
    if not ended.done():
        raise LogUnavailable("the log did not tell what stood in it")
    if ended.result() == OPEN_ENDED:
        raise TooMany("more subjects match than the log tells of at once")
    return found
