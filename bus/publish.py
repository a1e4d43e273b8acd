"""Publishing over the connection that reads in bulk: a third of the work of nats-py's a message.

Writes of one turn of the event loop leave together, acknowledgements are parsed together.
"""

import asyncio
from collections.abc import Mapping

from bus.jetstream import TIMEOUT, Ack, acknowledged, checked
from bus.wire import Raw, Wire
from schemas.errors import LogUnavailable

_NOBODY = b"NATS/1.0 503"


class Publisher:
    """Stores messages; shared between tasks. What one task sends arrives in that order."""

    def __init__(self, wire: Wire) -> None:
        """Publish over ``wire``."""
        self._wire = wire

    async def publish(self, subject: str, body: bytes, headers: Mapping[str, str]) -> Ack:
        """Store a message; LogUnavailable: perhaps stored, Refused: surely not."""
        return await self.store(subject, body, block(headers))

    async def store(self, subject: str, body: bytes, block: bytes) -> Ack:
        """Store a message whose block of headers is made."""
        return acknowledged((await self._request(subject, body, block)).body)

    async def begin(self, subject: str, body: bytes, block: bytes) -> None:
        """Send the first message of an atomic batch: an empty answer accepts it."""
        if answer := (await self._request(subject, body, block)).body:
            checked(answer)

    def send(self, subject: str, body: bytes, block: bytes) -> None:
        """Send a message whose loss is noticed by what is sent after it."""
        self._wire.publish(subject, body, block=block)

    async def _request(self, subject: str, body: bytes, block: bytes) -> Raw:
        if not self._wire.up:
            try:
                async with asyncio.timeout(TIMEOUT):
                    await self._wire.ready()
            except TimeoutError as error:
                raise LogUnavailable("the log is not there") from error
        answer = await self._wire.request(subject, body, block)
        if answer.headers.startswith(_NOBODY):
            raise LogUnavailable("nobody answers at the log")
        return answer


def block(headers: Mapping[str, str]) -> bytes:
    """Return headers as they are sent; ValueError for one that would become another."""
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    if lines.count("\n") != len(headers) or lines.count("\r") != len(headers):
        raise ValueError("a header has an end of line in it")
    return f"NATS/1.0\r\n{lines}\r\n".encode()
