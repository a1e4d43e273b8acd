"""A client of one daemon."""

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC
from pathlib import Path
from typing import Final, Literal

import grpc

from consumers.builder.buildkit import solving
from consumers.builder.buildkit.calls import Calls
from consumers.builder.buildkit.channel import Address, channel
from consumers.builder.buildkit.contexts import Context
from consumers.builder.buildkit.errors import Unavailable
from consumers.builder.buildkit.failure import failure
from consumers.builder.buildkit.progress import Progress
from consumers.builder.buildkit.receiving import Receiver
from consumers.builder.buildkit.records import Info, Usage, Worker
from consumers.builder.buildkit.request import Result, Solve
from consumers.builder.buildkit.session import Credentials, Offer, Secrets, Session
from consumers.builder.pb import control_pb2 as pb

PATIENCE: Final = 10  # seconds that a short question may take


class Client:
    """Speaks to one daemon; shared by any number of tasks of one event loop."""

    def __init__(self, calls: Calls, kind: Literal["engine", "buildkitd"]) -> None:
        """Use ``connect``."""
        self.kind = kind
        self._calls = calls

    @classmethod
    @contextlib.asynccontextmanager
    async def connect(
        cls, url: str, tls: Path | None = None, *, server_name: str = ""
    ) -> AsyncIterator["Client"]:
        """Yield a client of unix:///PATH, tcp://HOST:PORT or docker:///PATH of an engine's socket.

        ``tls`` is a folder with ca.pem, and cert.pem and key.pem where the daemon asks for them;
        ``server_name`` is the name in the daemon's certificate, where it is not the host's.
        Raises ValueError for another url, Unavailable, Denied for the wrong certificates.
        """
        kind: Literal["engine", "buildkitd"]
        kind = "engine" if Address.parse(url).scheme == "docker" else "buildkitd"
        async with channel(url, tls, server_name) as made:
            client = cls(Calls(made), kind)
            try:
                await client.workers()
            except Unavailable as error:
                if tls is None:
                    raise
                # In TLS 1.3 a daemon that refuses our certificate just hangs up.
                raise Unavailable(f"{error.message}; or it refuses {tls / 'cert.pem'}") from error
            yield client

    @contextlib.asynccontextmanager
    async def session(
        self,
        *,
        contexts: Mapping[str, Context] | None = None,
        credentials: Credentials | None = None,
        secrets: Secrets | None = None,
        receive: Receiver | Sequence[Receiver] = (),
        shared_key: str = "",
    ) -> AsyncIterator[Session]:
        """Yield a session that serves these to the daemon until the block ends.

        ``contexts``: the frontend asks for "context" and "dockerfile". ``credentials`` is asked by
        a registry's host, ``secrets`` by the id of a mount; both must not block, and what they
        raise is raised by ``solve``. ``receive`` takes what local, tar, oci and docker export, the
        n-th that of the n-th export. Builds of one ``shared_key`` send each other's changes alone;
        without it, builds of the same folder or archive do. Raises ContextInvalid.
        """
        offer = Offer(
            contexts=contexts or {},
            credentials=credentials,
            secrets=secrets,
            receive=receive if isinstance(receive, Sequence) else (receive,),
            shared_key=shared_key,
        )
        async with Session(self._calls, offer).serving() as session:
            yield session

    async def solve(
        self, solve: Solve, on_progress: Callable[[Progress], None] = lambda _: None
    ) -> Result:
        """Build; cancelling the task that waits stops the build at once.

        Raises SolveFailed, Unavailable, TooOld, Denied, ContextInvalid or OutputRefused.
        """
        return await solving.run(self._calls, solve, on_progress)

    async def info(self) -> Info:
        """Return which BuildKit it is; nothing where the daemon cannot say (before 0.11)."""
        try:
            version = (await self._calls.info(pb.InfoRequest(), timeout=PATIENCE)).buildkitVersion
        except grpc.aio.AioRpcError as error:
            if error.code() == grpc.StatusCode.UNIMPLEMENTED:
                return Info()
            raise failure(error) from error
        return Info(version.package, version.version, version.revision)

    async def workers(self) -> list[Worker]:
        """Return who works in it."""
        try:
            found = await self._calls.workers(pb.ListWorkersRequest(), timeout=PATIENCE)
        except grpc.aio.AioRpcError as error:
            raise failure(error) from error
        return [
            Worker(one.ID, dict(one.Labels), tuple(_platform(each) for each in one.platforms))
            for one in found.record
        ]

    async def disk_usage(self, *filters: str) -> list[Usage]:
        """Return the records of its cache that pass a filter, as ``type==regular``."""
        try:
            found = await self._calls.disk_usage(pb.DiskUsageRequest(filter=filters))
        except grpc.aio.AioRpcError as error:
            raise failure(error) from error
        return [_usage(record) for record in found.record]

    async def prune(
        self, *filters: str, all: bool = False, keep_bytes: int = 0, keep_seconds: float = 0
    ) -> list[Usage]:
        """Remove what nobody uses from its cache; return it.

        ``all`` includes what frontends and images share; ``keep_bytes`` stay, and what was used
        within ``keep_seconds``.
        """
        request = pb.PruneRequest(
            filter=filters,
            all=all,
            keepDuration=int(keep_seconds * 1e9),
            reservedSpace=keep_bytes,
        )
        try:
            return [_usage(record) async for record in self._calls.prune(request)]
        except grpc.aio.AioRpcError as error:
            raise failure(error) from error


def _platform(platform: pb.Platform) -> str:
    parts = (platform.OS, platform.Architecture, platform.Variant)
    return "/".join(part for part in parts if part)


def _usage(record: pb.UsageRecord) -> Usage:
    return Usage(
        id=record.ID,
        size=record.Size,
        kind=record.RecordType,
        description=record.Description,
        in_use=record.InUse,
        shared=record.Shared,
        used=record.UsageCount,
        last_used=(
            record.LastUsedAt.ToDatetime(tzinfo=UTC) if record.HasField("LastUsedAt") else None
        ),
    )
