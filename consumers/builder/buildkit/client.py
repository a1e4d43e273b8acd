"""A client of one daemon."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal, Self

from consumers.builder.buildkit.contexts import Context
from consumers.builder.buildkit.progress import Progress
from consumers.builder.buildkit.receiving import Receiver
from consumers.builder.buildkit.records import Info, Usage, Worker
from consumers.builder.buildkit.request import Result, Solve
from consumers.builder.buildkit.session import Credentials, Offer, Secrets, Session


class Client:
    """Speaks to one daemon; shared by any number of tasks."""

    kind: Literal["engine", "buildkitd"]

    @classmethod
    @asynccontextmanager
    async def connect(cls, url: str, tls: Path | None = None) -> AsyncIterator[Self]:
        """Yield a client of unix:///PATH, tcp://HOST:PORT or docker:///PATH of an engine's socket.

        ``tls`` is a folder with ca.pem, cert.pem and key.pem. Raises Unavailable.
        """
        raise NotImplementedError
        yield cls()

    @asynccontextmanager
    async def session(
        self,
        *,
        contexts: Mapping[str, Context] | None = None,
        credentials: Credentials | None = None,
        secrets: Secrets | None = None,
        receive: Receiver | None = None,
        shared_key: str = "",
    ) -> AsyncIterator[Session]:
        """Yield a session that serves these to the daemon until the block ends."""
        yield Session(Offer())

    async def solve(
        self, solve: Solve, on_progress: Callable[[Progress], None] = lambda _: None
    ) -> Result:
        """Build; cancelling the task that waits stops the build at once.

        Raises SolveFailed, Unavailable, TooOld, Denied or ContextInvalid.
        """
        raise NotImplementedError

    async def info(self) -> Info:
        """Return which BuildKit it is."""
        raise NotImplementedError

    async def workers(self) -> list[Worker]:
        """Return who works in it."""
        raise NotImplementedError

    async def disk_usage(self, *filters: str) -> list[Usage]:
        """Return the records of its cache."""
        raise NotImplementedError

    async def prune(
        self, *filters: str, all: bool = False, keep_bytes: int = 0, keep_seconds: float = 0
    ) -> list[Usage]:
        """Remove unused records of its cache; return them."""
        raise NotImplementedError
