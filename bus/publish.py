"""Publishing over the connection that reads in bulk: half the work of nats-py's a message.

Writes of one turn of the event loop leave together, acknowledgements are parsed together. What
must stay in order with what nats-py sends, as a batch must, is not published here.
"""

import asyncio
from collections.abc import Mapping

from bus.jetstream import TIMEOUT, Ack, acknowledged
from bus.wire import Wire
from schemas.errors import LogUnavailable

_NOBODY = b"NATS/1.0 503"


class Publisher:
    """Stores messages; shared between tasks."""

    def __init__(self, wire: Wire) -> None:
        """Publish over ``wire``."""
        self._wire = wire

    async def publish(self, subject: str, body: bytes, headers: Mapping[str, str]) -> Ack:
        """Store a message; LogUnavailable: perhaps stored, Refused: surely not."""
        if not self._wire.up:
            try:
                async with asyncio.timeout(TIMEOUT):
                    await self._wire.ready()
            except TimeoutError as error:
                raise LogUnavailable("the log is not there") from error
        answer = await self._wire.request(subject, body, block(headers))
        if answer.headers.startswith(_NOBODY):
            raise LogUnavailable("nobody answers at the log")
        return acknowledged(answer.body)


def block(headers: Mapping[str, str]) -> bytes:
    """Return headers as they are sent; ValueError for one that would become another."""
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    if lines.count("\n") != len(headers) or lines.count("\r") != len(headers):
        raise ValueError("a header has an end of line in it")
    return f"NATS/1.0\r\n{lines}\r\n".encode()
