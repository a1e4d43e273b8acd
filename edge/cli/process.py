"""A process of its own: its log lines, its signals, its exit code."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any, Final

import structlog
import uvloop

from bus.connection import session
from bus.settings import BusSettings
from edge.cli import logs
from edge.cli.child import UNUSABLE
from edge.cli.complain import complain
from edge.cli.serve import told_to_stop
from edge.cli.settings import Settings
from edge.cli.variables import variable
from schemas.errors import AccessDenied, LogUnavailable, PushlineError, Retry

log = structlog.get_logger(__name__)

OK: Final = 0
FAILED: Final = 1
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 5.0  # seconds between attempts to reach the log

Main = Callable[[asyncio.Event], Coroutine[Any, Any, None]]


def run(name: str, chosen: Settings, bus: BusSettings, main: Main) -> int:
    """Run ``main`` once the log answers, until SIGTERM; return the exit code."""
    logs.configure(name, level=chosen.log_level, format=chosen.log_format)

    async def awaited() -> None:
        stopping = told_to_stop()
        await reached(bus, stopping)
        if not stopping.is_set():
            log.info("process_started", log=bus.nats_url)
            await main(stopping)
        log.info("process_stopped")

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(awaited())
    return OK


def guarded(work: Callable[[], int]) -> int:
    """Return the exit code of some work; an error is told with its cure.

    It is 78 (EX_CONFIG) for what starting again does not mend, 1 for what it may.
    """
    try:
        return work()
    except PushlineError as error:
        return _told(error)
    except BaseExceptionGroup as group:  # a fold, or another task, that ended the process
        if (known := _first(group)) is None:
            raise
        return _told(known)


def _told(error: PushlineError) -> int:
    complain(error.message, error.hint)
    sys.stderr.flush()
    return FAILED if isinstance(error, Retry) else UNUSABLE


def _first(group: BaseExceptionGroup[BaseException]) -> PushlineError | None:
    known, strange = group.split(PushlineError)
    if known is None or strange is not None:
        return None
    error: BaseException = known
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error if isinstance(error, PushlineError) else None


async def reached(settings: BusSettings, stopping: asyncio.Event) -> None:
    """Wait until the log's servers answer, or until told to stop; raises AccessDenied.

    Machines start in any order: who starts first waits, and is not started again and again.
    """
    pause = FIRST_PAUSE
    while not stopping.is_set():
        try:
            async with session(settings, name="waiting"):
                return
        except LogUnavailable as error:
            log.warning("log_awaited", why=error.message)
        except AccessDenied as error:
            names = f"{variable('nats_user')} and {variable('nats_password')}"
            raise AccessDenied(error.message, hint=f"look at {names}") from error
        ended = asyncio.create_task(stopping.wait())
        await asyncio.wait((ended,), timeout=pause)
        ended.cancel()
        pause = min(2 * pause, LONGEST_PAUSE)
