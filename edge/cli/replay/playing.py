"""One handler that runs in history: it stops where it has to wait for a later moment."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from bus.work import Worker
from edge.cli.replay.decisions import Attempt, DecidedOtherwise, Decision, NotRecorded
from edge.cli.replay.history import History
from edge.cli.replay.window import Window
from schemas.envelope import Recorded
from schemas.errors import GiveUp, PushlineError, Retry
from schemas.events import Event

WITHIN: Final = 30.0  # seconds for a handler to end, or to come to something that happened later


class Stage(Protocol):
    """What a handler plays on."""

    history: History
    window: Window
    event: Callable[[int], Awaitable[Recorded[Event]]]

    def at(self, seq: int, playing: "Playing") -> None:
        """Have ``playing`` go on once ``seq`` is reached."""
        ...


class Playing:
    """A decision while it is tried once."""

    worker: Worker  # made for this alone, with what it reads and writes

    def __init__(self, stage: Stage, decision: Decision, *, last: bool) -> None:
        """Prepare; nothing runs yet. ``last``: it is not tried again."""
        self.stage = stage
        self.decision = decision
        self.last = last
        self.attempt = Attempt()
        self.first: Attempt | None = None  # what came of it when it was tried before
        self.began = -1  # the moment at which the handler was called
        self._task: asyncio.Task[None] | None = None
        self._quiet: asyncio.Future[None] | None = None
        self._resumed: asyncio.Future[None] | None = None

    @property
    def ended(self) -> bool:
        """Tell whether the handler has returned or raised."""
        return self._task is not None and self._task.done()

    @property
    def key(self) -> str:
        """Return what the consumer handles one at a time."""
        return self.worker.key(self.decision.event)

    @property
    def may_try_again(self) -> bool:
        """Tell whether there is a later moment at which it may have been decided."""
        before = self.decision.before
        return not self.last and before >= self.stage.history.now and before > self.began

    @property
    def comes_again(self) -> int | None:
        """Return when a second delivery may have written what is missing, None for never.

        A handler that failed in the middle is called again, some time later.
        """
        made = {draft.id for draft, _ in self.attempt.made}
        missing = (fact.seq - 1 for fact in self.decision.recorded if fact.id not in made)
        moment = next(missing, None)
        late = moment is None or moment < self.stage.history.now or moment <= self.began
        return None if late else moment

    async def go_on(self) -> None:
        """Run the handler until it ends, or waits for a later moment."""
        self._quiet = asyncio.get_running_loop().create_future()
        if self._task is None:
            self.began = self.stage.history.now
            self._task = asyncio.create_task(self._run())
            self._task.add_done_callback(lambda _: self._rest())
        elif self._resumed is not None:
            self._resumed.set_result(None)
        try:
            async with asyncio.timeout(WITHIN):
                await self._quiet
        except TimeoutError:
            await self.stop()
            self.attempt.failed = f"it did not end within {WITHIN:g} s"
            return
        if self._task.done():
            self._task.result()  # raises what is no handler's fault: the log went away

    async def until(self, seq: int) -> None:
        """Wait, as the handler, until history has come to ``seq``."""
        if self.stage.history.now >= seq:
            return
        self._resumed = asyncio.get_running_loop().create_future()
        self.stage.at(seq, self)
        self._rest()
        await self._resumed

    async def stop(self) -> None:
        """End the handler where it is."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait((self._task,))
            self.attempt.unknown = self.attempt.unknown or "history ends before it does"

    def _rest(self) -> None:
        if self._quiet is not None and not self._quiet.done():
            self._quiet.set_result(None)

    async def _run(self) -> None:
        attempt, event = self.attempt, self.decision.event
        try:
            await self.worker.handle(event)
        except DecidedOtherwise:
            return
        except NotRecorded as missing:
            attempt.unknown = str(missing)
        except GiveUp as error:
            await self._gave_up(error)
        except Retry as error:
            attempt.waits = f"{error.code}: {error.message}"
        except PushlineError as error:
            attempt.failed = f"{error.code}: {error.message}"
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is its own
            attempt.failed = f"{type(error).__name__}: {error}"

    async def _gave_up(self, error: GiveUp) -> None:
        """Do what the bus does for one that has given up."""
        tell = getattr(self.worker, "gave_up", None)
        if tell is None:
            return
        try:
            await tell(self.decision.event, error.code, error.message)
        except NotRecorded as missing:
            self.attempt.unknown = str(missing)
        except PushlineError as unsaid:
            self.attempt.failed = f"{unsaid.code}: {unsaid.message}"
