"""What tests of operators' commands share: a home with a log, and workers beside it."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from bus import streams
from bus.connection import Bus, connect
from bus.server import NatsServer
from edge.cli.home import Endpoint, Home, prepare, write_private

T = TypeVar("T")


class House:
    """A home whose log runs, and nothing else."""

    def __init__(self, path: Path, server: NatsServer) -> None:
        """Say where the log is met, as `up` does."""
        self.home = prepare(path)
        self.server = server
        endpoint = Endpoint(
            url="http://localhost:1",
            host="127.0.0.1",
            port=1,
            root_domain="localhost",
            token="t",
            log=server.url,
            pid=server.pid,
            started=datetime.now(UTC),
            version="test",
        )
        write_private(self.home.endpoint, msgspec.json.encode(endpoint))

    def do(self, act: Callable[[Bus], Coroutine[Any, Any, T]]) -> T:
        """Act on the log as the platform, and return what came of it."""

        async def acted() -> T:
            async with self.bus() as bus:
                return await act(bus)

        return asyncio.run(acted())

    @contextlib.asynccontextmanager
    async def bus(self) -> AsyncIterator[Bus]:
        """Yield a connection as the platform's."""
        async with connect(self.server.settings("platform"), name="test") as bus:
            yield bus

    @contextlib.contextmanager
    def beside(
        self, run: Callable[[Bus, asyncio.Event], Coroutine[Any, Any, None]]
    ) -> Iterator[None]:
        """Have something run on the log, in a thread of its own, around a block."""
        stop: list[Callable[[], object]] = []
        begun = threading.Event()

        async def main() -> None:
            stopping, loop = asyncio.Event(), asyncio.get_running_loop()
            stop.append(lambda: loop.call_soon_threadsafe(stopping.set))
            async with self.bus() as bus:
                begun.set()
                await run(bus, stopping)

        thread = threading.Thread(target=lambda: asyncio.run(main()))
        thread.start()
        try:
            assert begun.wait(20)
            yield
        finally:
            stop[0]()
            thread.join(20)


@contextlib.contextmanager
def house(folder: Path) -> Iterator[House]:
    """Yield a home with a running, initialised log."""
    server = NatsServer(folder / "home")
    server.start()
    try:
        asyncio.run(streams.init(server.settings("init")))
        yield House(folder / "home", server)
    finally:
        server.kill()


__all__ = ["Home", "House", "house"]
