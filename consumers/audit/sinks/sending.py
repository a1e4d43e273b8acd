"""Sending: the record's lines to one sink, in order, until it has taken them.

At least once: a sink that took records and could not say so gets them again. Their ``seq`` and
``hash`` tell. Nothing is skipped: a sink that refuses is asked again, later and later, and holds
up nobody but itself.
"""

import asyncio
import fnmatch
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

import msgspec
import structlog

from bus.blocking import run_blocking
from consumers.audit import instruments
from consumers.audit.file import RecordFile
from consumers.audit.reading import line_after, lines, start_of
from consumers.audit.record import GENESIS, Broken, Line, checked, parse
from consumers.audit.sinks.settings import Common
from consumers.audit.sinks.state import NotTaken, State, TooMuch

log = structlog.get_logger(__name__)

LOOK: Final = 1.0  # seconds between two looks at a record that does not grow
LONGEST: Final = 60.0  # seconds between two attempts
FIRST: Final = 0.5


class Sink(Protocol):
    """Takes records; one delivery at a time."""

    linger: float  # seconds that a delivery waits for others to share it
    most: int  # bytes of a delivery, about; 0: a window is always whole

    def window(self, after: int) -> tuple[int, int]:
        """Return which records are delivered next: those above the first, up to the second."""
        ...

    async def take(self, records: Sequence[Line]) -> None:
        """Deliver them; NotTaken: not now, TooMuch: not so many."""
        ...


class _Batch(msgspec.Struct, frozen=True):
    """What is read of the record at once."""

    wanted: list[Line]
    last: Line


@dataclass(slots=True)
class Sending:
    """One sink at work."""

    settings: Common
    sink: Sink
    first: float = FIRST  # seconds before the second attempt

    @property
    def name(self) -> str:
        """Return the sink's name."""
        return self.settings.name

    @property
    def kind(self) -> str:
        """Return what it is, as http."""
        return str(self.settings.__struct_config__.tag)

    async def run(self, file: RecordFile, grown: asyncio.Condition) -> None:
        """Send what the record holds, and what it gets, until cancelled."""
        state = await self._begun(file, grown)
        share, sent = 1.0, 0.0
        while True:
            self._show(state, file)
            if file.seq <= state.seq:
                await _moved(grown)
                continue
            first, last = self.sink.window(state.seq)
            last = max(state.seq + 1, first + int((last - first) * share))
            if last > file.seq and (pause := sent + self.sink.linger - time.monotonic()) > 0:
                await asyncio.sleep(pause)
            try:
                state = await self._sent(file, state, first, min(last, file.seq))
            except Exception as error:  # noqa: BLE001 - a sink is somebody else's code, or a disk
                share = max(share / 2, 0.001) if isinstance(error, TooMuch) else share
                state = await self._failed(file, state, error)
            else:
                share, sent = min(1.0, share * 2), time.monotonic()

    async def _sent(self, file: RecordFile, state: State, first: int, last: int) -> State:
        """Deliver the records above ``first``, up to ``last``; return where that leads."""
        batch = await run_blocking(self._read, file.path, first, last)
        if batch.wanted:
            await self.sink.take(batch.wanted)
        state = _passed(state, batch)
        await run_blocking(state.write, file.path, self.name)
        return state

    async def _begun(self, file: RecordFile, grown: asyncio.Condition) -> State:
        """Return where to go on; at once from the beginning where the record is another one."""
        found = await run_blocking(self._known, file.path)
        if found is None:
            return await self._anew(file)
        while file.seq < found.seq:  # it was cut, and is made anew from the log just now
            await _moved(grown)
        if found.seq and not await run_blocking(self._is_of, file.path, found):
            log.warning("sink_begins_again", sink=self.name, why="the record is another one")
            return await self._anew(file)
        return found

    def _is_of(self, record: Path, state: State) -> bool:
        """Tell whether a record has what the sink took last."""
        try:
            return checked(line_after(record, state.seq - 1), None).hash == state.hash
        except Broken:
            return False

    async def _anew(self, file: RecordFile) -> State:
        state = State(seq=0, hash=GENESIS)
        if self.settings.begin == "now":
            state = State(seq=file.seq, hash=file.hash)
        await run_blocking(state.write, file.path, self.name)
        return state

    def _known(self, record: Path) -> State | None:
        try:
            return State.read(record, self.name)
        except msgspec.DecodeError as error:
            log.warning("sink_begins_again", sink=self.name, why=str(error))
            return None

    def _read(self, path: Path, first: int, last: int) -> _Batch:
        found: list[Line] = []
        with path.open("rb") as file:
            file.seek(start_of(file, first))
            size = 0
            for text in lines(file):
                found.append(checked(text, None))
                size += len(text)
                if found[-1].seq >= last or 0 < self.sink.most < size:
                    break
        return _Batch([line for line in found if self.wants(line)], found[-1])

    def wants(self, line: Line) -> bool:
        """Tell whether a record passes the sink's filters."""
        chosen = self.settings
        if not (chosen.events or chosen.projects or chosen.actors):
            return True
        record = parse(line.text)
        what = record.what.partition("/")[0]
        return (
            (not chosen.events or any(fnmatch.fnmatchcase(what, one) for one in chosen.events))
            and (not chosen.projects or record.project in chosen.projects)
            and (not chosen.actors or record.who in chosen.actors)
        )

    async def _failed(self, file: RecordFile, state: State, error: Exception) -> State:
        """Note it, and wait: the longer, the more often it happened."""
        instruments.refused.labels(self.name).inc()
        now = datetime.now(UTC)
        state = msgspec.structs.replace(
            state, failing=state.failing or now, attempts=state.attempts + 1, error=_said(error)
        )
        log.warning("sink_not_taken", sink=self.name, seq=state.seq, why=state.error)
        with suppress(OSError):  # a full disk is what may have failed
            await run_blocking(state.write, file.path, self.name)
        pause = min(self.first * 2 ** min(state.attempts - 1, 10), LONGEST)
        await asyncio.sleep(max(pause, error.after if isinstance(error, NotTaken) else 0.0))
        return state

    def _show(self, state: State, file: RecordFile) -> None:
        instruments.sent.labels(self.name).set(state.seq)
        instruments.waiting.labels(self.name).set(max(0, file.seq - state.seq))


def _passed(state: State, batch: _Batch) -> State:
    taken = datetime.now(UTC) if batch.wanted else state.taken
    return State(seq=batch.last.seq, hash=batch.last.hash, taken=taken)


def _said(error: Exception) -> str:
    """Return what may be shown of an error: others' texts may hold a URL, which may be secret."""
    if isinstance(error, NotTaken):
        return error.message
    number = getattr(error, "strerror", None)
    return f"{type(error).__name__}: {number}" if number else type(error).__name__


async def _moved(grown: asyncio.Condition) -> None:
    """Wait until the record has grown, or a moment."""
    try:
        async with asyncio.timeout(LOOK), grown:
            await grown.wait()
    except TimeoutError:
        return
