"""Fold: rows computed from the log, in order, from a snapshot on."""

import asyncio
import hashlib
import inspect
import threading
import zlib
from collections.abc import Callable
from contextlib import aclosing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

import msgspec
import structlog

from bus.blobs import write_whole
from schemas.envelope import Recorded
from schemas.errors import LogUnavailable
from schemas.events import Event

if TYPE_CHECKING:
    from bus.follow import Batch

log = structlog.get_logger(__name__)

R = TypeVar("R", bound=msgspec.Struct)

EVENTS_APART: Final = 5000  # a snapshot is due after so many events
SECONDS_APART: Final = 5.0  # or so long, when a row has changed


class Source(Protocol):
    """Where a fold reads: ``bus.follow.Follow``."""

    def batches(self, *, after: int, until: int | None = None) -> Any:
        """Yield lists of events, in order."""
        ...

    async def identity(self) -> str:
        """Return what tells this log from another."""
        ...


class Snapshot(msgspec.Struct, frozen=True):
    """A fold as it was at a sequence."""

    fold: str  # name and version
    log: str  # the identity of the log
    seq: int
    rows: msgspec.Raw
    digest: str  # of the rows


class Fold(Generic[R]):
    """Rows by key. Gaps and failures stop it; nothing is skipped.

    ``changed`` are told of each row that changes: its key, the row or None, and the event; no
    event when a row goes because it was of another log.
    """

    def __init__(
        self,
        name: str,
        *,
        row: type[R],
        key: Callable[[Recorded[Event]], str | None],
        reduce: Callable[[R | None, Recorded[Event]], R | None],
        snapshots: Path | None = None,
    ) -> None:
        """Fold with ``reduce`` what ``key`` names; snapshots are kept in a folder, if given."""
        self.name = name
        self.rows: dict[str, R] = {}
        self.seq = 0
        self.changed: list[Callable[[str, R | None, Recorded[Event] | None], None]] = []
        self._row = row
        self._key = key
        self._reduce = reduce
        self._version = f"{name}:{version(row, reduce)}"
        self._type = dict[str, row]  # type: ignore[valid-type]
        self._path = None if snapshots is None else snapshots / f"{name}.json"
        self._log = ""
        self._saved = 0
        self._moved = False  # whether a row has changed since the last snapshot
        self._confirmed = False  # a loaded snapshot may be of another log
        self._told: Callable[[float], None] = lambda _: None
        self._ended: Exception | None = None
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._writing = threading.Lock()
        self._written = "", 0  # of which log, and until where, the file is

    async def run(self, follow: Source) -> None:
        """Load the snapshot, then follow the log for ever; raises what stopped it."""
        if self.seq == 0:
            await asyncio.to_thread(self.load)
        self.belong_to(await follow.identity())
        saver = asyncio.create_task(self._save_now_and_then(), name=f"{self.name}-snapshots")
        from bus.instruments import folded  # 0.1 s that the router does not have before it listens

        self._told = folded.labels(self.name).set
        self._ended = None
        try:
            async with aclosing(follow.batches(after=self.seq)) as batches:
                async for batch in batches:
                    self.apply(batch)
        except Exception as error:
            self._ended = error
            raise
        finally:
            saver.cancel()
            self._release()
            with suppress(OSError):
                await asyncio.shield(self.save())

    def fresh(self, snapshots: Path | None = None) -> "Fold[R]":
        """Return an empty fold of the same kind; it tells nobody of its rows."""
        return Fold(
            self.name, row=self._row, key=self._key, reduce=self._reduce, snapshots=snapshots
        )

    def fork(self) -> "Fold[R]":
        """Return a fold as true as this one, which goes its own way; rows are shared."""
        other = self.fresh()
        other.rows, other.seq = dict(self.rows), self.seq
        other.belong_to(self._log)
        return other

    async def reached(self, seq: int) -> None:
        """Wait until the fold is true at ``seq``; raises what stopped it before."""
        if self.seq < seq or not self._confirmed:
            if self._ended is not None:
                raise self._ended
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append((seq, future))
            await future

    def apply(self, batch: "Batch") -> None:
        """Fold events in; the fold is true at the last of them."""
        self._confirmed = True
        for event in batch:
            key = self._key(event)
            if key is not None:
                self._turn(key, event)
            self.seq = event.seq
        self._told(self.seq)
        if self._waiting:
            self._wake()

    def _turn(self, key: str, event: Recorded[Event]) -> None:
        old = self.rows.get(key)
        new = self._reduce(old, event)
        if new is None:
            self.rows.pop(key, None)
        else:
            self.rows[key] = new
        if new is not old:
            self._moved = True
            for changed in self.changed:
                changed(key, new, event)

    def _wake(self) -> None:
        still = []
        for seq, future in self._waiting:
            if seq > self.seq:
                still.append((seq, future))
            elif not future.done():
                future.set_result(None)
        self._waiting = still

    def _release(self) -> None:
        """Tell whoever waits that no more will come."""
        self._ended = self._ended or LogUnavailable(f"the fold {self.name} was stopped")
        for _, future in self._waiting:
            if not future.done():
                future.set_exception(self._ended)
        self._waiting = []

    def load(self) -> None:
        """Take over the snapshot, before ``run`` and without the log, or in ``run``.

        One that is damaged or of another release is ignored, with a warning.
        """
        if self._path is None or not self._path.exists():
            return
        try:
            snapshot = msgspec.json.decode(self._path.read_bytes(), type=Snapshot)
            if reason := self._unfit(snapshot):
                log.warning("snapshot_ignored", fold=self.name, reason=reason)
                return
            self.rows = msgspec.json.decode(snapshot.rows, type=self._type)
            self.seq, self._saved, self._log = snapshot.seq, snapshot.seq, snapshot.log
        except (OSError, msgspec.DecodeError) as error:
            log.warning("snapshot_ignored", fold=self.name, reason=str(error))

    def belong_to(self, identity: str) -> None:
        """Forget rows that were folded from another log."""
        if self._log not in ("", identity):
            log.warning("snapshot_ignored", fold=self.name, reason="it is of another log")
            keys = list(self.rows)
            self.rows, self.seq, self._saved = {}, 0, 0
            for key in keys:
                for changed in self.changed:
                    changed(key, None, None)
        self._log = identity
        self._confirmed = True
        self._wake()

    def _unfit(self, snapshot: Snapshot) -> str:
        if snapshot.fold != self._version:
            return "it is of another release"
        if snapshot.digest != hashlib.sha256(snapshot.rows).hexdigest():
            return "it is damaged"
        return ""

    async def save(self) -> None:
        """Write a snapshot if anything was folded since the last."""
        if self._path is None or self.seq == self._saved:
            return
        seq, rows = self.seq, dict(self.rows)  # rows are frozen: a shallow copy is a snapshot
        self._moved = False
        await asyncio.to_thread(self._write_newer, self._path, self._log, seq, rows)
        self._saved = max(seq, self._saved)

    def _write_newer(self, path: Path, log: str, seq: int, rows: dict[str, R]) -> None:
        """Write in the order of sequences: two threads may have been sent, the older one late."""
        with self._writing:
            if self._written[0] != log or self._written[1] < seq:
                self._write(path, seq, rows)
                self._written = log, seq

    def write(self, folder: Path) -> None:
        """Write a snapshot into a folder; blocking, for a fold that stands still."""
        self._write(folder / f"{self.name}.json", self.seq, self.rows)

    def _write(self, path: Path, seq: int, rows: dict[str, R]) -> None:
        body = msgspec.json.encode(rows)
        snapshot = Snapshot(
            fold=self._version,
            log=self._log,
            seq=seq,
            rows=msgspec.Raw(body),
            digest=hashlib.sha256(body).hexdigest(),
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, msgspec.json.encode(snapshot))

    async def _save_now_and_then(self) -> None:
        """Save what has moved; a process has many folds, which take turns at the disk.

        Where no row has changed an older snapshot says the same: some events more are read.
        """
        step = 0.25
        waited = SECONDS_APART * zlib.crc32(self.name.encode()) / 2**32
        while True:
            await asyncio.sleep(step)
            waited += step
            behind = self.seq - self._saved
            if behind >= EVENTS_APART or (self._moved and waited >= SECONDS_APART):
                waited = 0.0
                try:
                    await self.save()
                except OSError as error:
                    self._moved = True
                    log.warning("snapshot_not_written", fold=self.name, error=str(error))


def version(row: type[msgspec.Struct], reduce: Callable[..., Any]) -> str:
    """Return what a snapshot depends on: the shape of its rows and the code that made them."""
    shape = msgspec.json.encode(msgspec.json.schema(row), order="sorted")
    try:
        code = inspect.getsource(inspect.getmodule(reduce) or reduce)
    except (OSError, TypeError):
        code = ""
    return hashlib.sha256(shape + code.encode()).hexdigest()[:16]
