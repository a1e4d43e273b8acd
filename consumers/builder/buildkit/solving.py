"""One build: asked for, watched, and stopped when nobody waits for it any more."""

import asyncio
import contextlib
import json
import secrets
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import grpc

from consumers.builder.buildkit.calls import Calls
from consumers.builder.buildkit.failure import failure
from consumers.builder.buildkit.progress import Progress
from consumers.builder.buildkit.request import Cache, Result, Solve
from consumers.builder.buildkit.watch import Watch
from consumers.builder.pb import control_pb2 as pb

T = TypeVar("T")

LAST_WORDS: Final = 5  # seconds that progress may come after the end of a build
FIRST_WORDS: Final = 0.5  # seconds, where there was none before it


async def run(calls: Calls, solve: Solve, on_progress: Callable[[Progress], None]) -> Result:
    """Build; see ``Client.solve``."""
    ref = secrets.token_hex(16)
    if solve.session:
        solve.session.failure = None  # of an earlier build
    watch = Watch(on_progress)
    call = calls.solve(message(solve, ref))
    solving = asyncio.create_task(_ended(call))
    watching = asyncio.create_task(_watch(calls, ref, watch))
    try:
        await asyncio.wait({solving, watching}, return_when=asyncio.FIRST_COMPLETED)
        if watching.done():
            watching.result()  # on_progress raised: then nobody wants the build
        else:
            # The daemon looks some seconds for a build that was refused before it began.
            await asyncio.wait({watching}, timeout=LAST_WORDS if watch.begun else FIRST_WORDS)
            if watching.done():
                watching.result()
        return Result(dict((await solving).ExporterResponse))
    except grpc.aio.AioRpcError as error:
        if solve.session and solve.session.failure:
            raise solve.session.failure from error
        raise failure(error, watch) from error
    finally:
        call.cancel()
        for task in (solving, watching):
            task.cancel()
        await asyncio.gather(solving, watching, return_exceptions=True)


async def _ended(call: Awaitable[T]) -> T:
    return await call


async def _watch(calls: Calls, ref: str, watch: Watch) -> None:
    """Follow a build to its end; Solve says why there is none to follow."""
    with contextlib.suppress(grpc.aio.AioRpcError):
        async for response in calls.status(pb.StatusRequest(Ref=ref)):
            watch.take(response)


def message(solve: Solve, ref: str) -> pb.SolveRequest:
    """Return the request on the wire, in words that old daemons know and in new ones."""
    attrs = dict(solve.frontend_attrs)
    if solve.cache_imports:  # the frontend's own solves look there, the outer one does not
        imports = [{"Type": one.type, "Attrs": dict(one.attrs)} for one in solve.cache_imports]
        attrs["cache-imports"] = json.dumps(imports)
    request = pb.SolveRequest(
        Ref=ref,
        Frontend=solve.frontend,
        FrontendAttrs=attrs,
        Session=solve.session.id if solve.session else "",
        Entitlements=list(solve.entitlements),
        Exporters=[pb.Exporter(Type=one.type, Attrs=dict(one.attrs)) for one in solve.exports],
        Cache=pb.CacheOptions(
            Exports=[_cache(one) for one in solve.cache_exports],
            Imports=[_cache(one) for one in solve.cache_imports],
        ),
    )
    if solve.exports:
        request.ExporterDeprecated = solve.exports[0].type
        request.ExporterAttrsDeprecated.update(solve.exports[0].attrs)
    return request


def _cache(cache: Cache) -> pb.CacheOptionsEntry:
    return pb.CacheOptionsEntry(Type=cache.type, Attrs=dict(cache.attrs))
