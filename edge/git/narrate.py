"""Following a push on the log until its run has ended, never silent for long."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Final

import msgspec

from edge.git.asgi import Gone
from edge.git.story import Story
from schemas.envelope import Recorded
from schemas.errors import PushlineError
from schemas.events import Event

LOOK: Final = "see: pushline events tail"


class Patience(msgspec.Struct, frozen=True):
    """How long the terminal waits, in seconds."""

    queued: float = 5.0  # for the run
    unsure: float = 1.0  # for the runs of all branches that need not have one
    silence: float = 15.0  # between two lines; proxies cut silent connections
    whole: float = 600.0  # for the run's end


async def narrate(
    events: AsyncGenerator[Recorded[Event], None],
    story: Story,
    patience: Patience,
    gone: Gone,
) -> AsyncGenerator[str, None]:
    """Yield the lines of ``story`` as its events come; end with it, or when the client has gone.

    Closes ``events``. An error of the log is a line, too: the push itself has succeeded.
    """
    clock = asyncio.get_running_loop().time
    began = spoke = clock()
    coming: asyncio.Task[Recorded[Event]] | None = None
    try:
        while not story.ended:
            coming = coming or asyncio.create_task(_next(events))
            await asyncio.wait(
                (coming, gone), timeout=_pause(story, patience), return_when="FIRST_COMPLETED"
            )
            if gone.done():
                return
            if coming.done():
                heard, coming = coming.result(), None
                for line in story.hear(heard):
                    spoke = clock()
                    yield line
            now = clock()
            if last := _too_long(story, patience, now - began):
                yield last
                return
            if now - spoke >= patience.silence and (line := story.waiting(now - began)):
                spoke = now
                yield line
    except PushlineError as error:
        yield f"error: the log can't be followed: {error.message}; the push is stored"
    finally:
        if coming is not None:
            coming.cancel()
            with suppress(asyncio.CancelledError, PushlineError, StopAsyncIteration):
                await coming
        await events.aclose()


async def _next(events: AsyncGenerator[Recorded[Event], None]) -> Recorded[Event]:
    """Return the next event; a coroutine, for only those can be tasks."""
    return await anext(events)


def _pause(story: Story, patience: Patience) -> float:
    """Return how long to wait for an event before looking at the clock."""
    return min(patience.silence, patience.whole, patience.queued if not story.run else 60.0) / 4


def _too_long(story: Story, patience: Patience, elapsed: float) -> str:
    """Return the last line when waiting makes no sense any more."""
    if story.ended:
        return ""
    if not story.run and elapsed >= patience.queued and story.otherwise:
        return story.otherwise
    if not story.run and elapsed >= patience.queued:
        return f"stored; no run was queued within {patience.queued:g} s ({LOOK})"
    if elapsed >= patience.whole:
        return f"still running (see: pushline run show {story.run})"
    return ""
