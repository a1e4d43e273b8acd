"""The router as a process of its own, as tests start it."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import msgspec
import psutil

from edge.router.settings import RouterSettings

PROGRAM = """import sys, msgspec
from edge.router.main import run
from edge.router.settings import RouterSettings
told = sys.stdin.buffer.read()
run(msgspec.json.decode(told, type=RouterSettings, dec_hook=lambda kind, text: kind(text)))"""


class Process:
    """A running router."""

    def __init__(self, child: subprocess.Popen[bytes], port: int, took: float) -> None:
        """Keep what tests look at; ``took`` is seconds from exec to listening."""
        self.child = child
        self.port = port
        self.took = took

    def memory(self) -> int:
        """Return the resident bytes."""
        return int(psutil.Process(self.child.pid).memory_info().rss)


def encoded(settings: RouterSettings) -> bytes:
    """Return settings as the child reads them."""
    return msgspec.json.encode(settings, enc_hook=str)  # paths


@contextmanager
def started(told: bytes, descriptor: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run the program with these settings and one inherited descriptor; end it by its pid."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, pass_fds=[descriptor]
    ) as child:
        assert child.stdin is not None
        child.stdin.write(told)
        child.stdin.close()
        try:
            yield child
        finally:
            if child.poll() is None:
                child.kill()


@asynccontextmanager
async def routing(settings: RouterSettings) -> AsyncIterator[Process]:
    """Yield a router of these settings that takes connections; end it by its pid."""
    reading, writing = os.pipe()
    told = encoded(msgspec.structs.replace(settings, listen_port=0, ready_fd=writing))
    begun = time.monotonic()
    with started(told, writing) as child:
        os.close(writing)
        with os.fdopen(reading, "rb") as ready:
            port = int(await asyncio.to_thread(ready.readline))
        yield Process(child, port, time.monotonic() - begun)
