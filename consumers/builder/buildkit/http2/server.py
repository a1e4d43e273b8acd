"""Answers the calls of one connection by handlers."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

from consumers.builder.buildkit.http2.connection import Connection
from consumers.builder.buildkit.http2.errors import Abort, Code, StreamReset
from consumers.builder.buildkit.http2.stream import Stream

Handler: TypeAlias = Callable[[Stream], Awaitable[None]]


class Server:
    """A task for every call; ``connection`` is for whoever carries the bytes."""

    def __init__(
        self, handlers: Mapping[str, Handler], failed: Callable[[Exception], None]
    ) -> None:
        """Take what is served: path of a method → who answers; ``failed`` hears their errors."""
        self.connection = Connection(self._accept)
        self._handlers = handlers
        self._failed = failed
        self._tasks: set[asyncio.Task[None]] = set()

    async def close(self, why: str) -> None:
        """End every call and wait until its handler has ended."""
        self.connection.close(why)
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _accept(self, stream: Stream) -> None:
        task = asyncio.get_running_loop().create_task(self._answer(stream))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, stream: Stream) -> None:
        handler = self._handlers.get(stream.path)
        if handler is None:
            stream.finish(Code.UNIMPLEMENTED, f"{stream.path} is not served")
            return
        try:
            await handler(stream)
        except Abort as abort:
            stream.finish(abort.code, abort.message)
        except StreamReset:
            pass  # nobody listens any more
        except asyncio.CancelledError:
            stream.finish(Code.CANCELLED, "the session ends")
            raise
        except Exception as error:  # noqa: BLE001 - a user's callback; solve raises it again
            self._failed(error)
            # Not its text: that may quote a secret, and this goes into the daemon's log.
            stream.finish(Code.INTERNAL, f"the client failed: {type(error).__name__}")
        else:
            stream.finish()
