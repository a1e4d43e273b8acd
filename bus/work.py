"""The worker loop: fetches, runs handlers, acknowledges, gives back, gives up.

A place is taken by a running handler only. A message whose key is busy waits beside the places,
kept alive at the server, and comes after its predecessor: a hundred pushes of one project occupy
one place, the others go on. A worker with lanes also fetches what it has no place for yet, for
behind a flood of one tenant another's message may stand; ``bus.fair`` says whose turn it is.
"""

import asyncio
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, Protocol

import msgspec
import structlog

from bus import durables, instruments
from bus.durables import AHEAD
from bus.fair import Line
from bus.handling import Handling
from bus.jetstream import Refused, patiently
from bus.natspy import Msg
from bus.resting import Resting
from schemas.errors import DurableMissing, LogUnavailable

if TYPE_CHECKING:
    from bus.connection import Bus

log = structlog.get_logger(__name__)

EXPIRES: Final = 30.0  # seconds a request for messages stays with the server
HEARTBEAT: Final = 5.0  # seconds between the server's signs of life
SILENCE: Final = 12.0  # seconds without one: ask again
BATCH: Final = 200  # messages that a worker with lanes asks for at once
BREATH: Final = 100  # messages that are kept alive before others get the event loop


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How a worker keeps time; tests shorten it."""

    ack_wait: float = 10.0  # seconds after which the server believes us dead: a kill costs these
    progress: float = 3.0  # seconds between our signs of life; a third of ack_wait
    backoff: tuple[float, ...] = (1, 5, 30, 120, 600)  # seconds before the next attempt
    attempts: int = 8
    grace: float = 10.0  # seconds for handlers to end at shutdown


class Worker(Protocol):
    """Acts on facts; ``work`` calls it. May have ``pace: Pace`` of its own.

    May also have ``async gave_up(event, code, reason)``: called before the dead letter is
    written, for the fact that ends what others wait for; twice must be harmless.
    ``tells = True``: it reads facts of runs, whose pushers are to know when it has to wait.
    ``reads_of = ("github",)``: facts of these forges alone, others do not even come to it.
    ``lane(event) -> str``: who the event is of; places are shared out evenly among lanes.
    ``most(lane) -> int``: how many of a lane may run at once in this process, 0 for any number.
    """

    durable: ClassVar[str]
    reads: ClassVar[Any]  # fact classes, or (Delivery,)
    begins: ClassVar[Literal["first", "now"]]

    @property
    def places(self) -> int:
        """Return how many handlers may run at once."""
        ...

    def key(self, event: Any) -> str:
        """Return what is handled one at a time."""
        ...

    async def handle(self, event: Any) -> None:
        """Act; twice must be harmless. Raises Retry (later), GiveUp (never)."""
        ...


async def work(bus: "Bus", worker: Worker, stopping: asyncio.Event) -> None:
    """Run ``worker`` until ``stopping``; then finish or give back what is at hand.

    Raises DurableMissing when ``ensure`` has not made its durable.
    """
    loop = Loop(bus, worker)
    try:
        await loop.run(stopping)
    finally:
        await loop.end()


class Loop:
    """One worker at work in this process."""

    def __init__(self, bus: "Bus", worker: Worker) -> None:
        """Prepare; nothing is fetched yet."""
        self._bus = bus
        self._worker = worker
        self._pace = durables.pace_of(worker)
        self._stream = durables.stream_of(worker)
        self._news = asyncio.Event()
        self._resting = Resting(worker.durable, self._news.set)
        self._handling = Handling(bus, worker, self._pace, self._stream, self._resting)
        self._running: dict[str, asyncio.Task[None]] = {}
        self._lane = getattr(worker, "lane", None)
        self._line: Line[tuple[Msg, Any]] = Line(getattr(worker, "most", lambda _: 0))
        self._arrived: deque[Msg] = deque()
        self._asked = 0
        self._inbox = ""
        self._stopping = False

    async def run(self, stopping: asyncio.Event) -> None:
        """Fetch and start handlers until told to stop."""
        stop = asyncio.create_task(self._stop_with(stopping))
        alive = asyncio.create_task(self._progress(), name=f"{self._worker.durable}-progress")
        try:
            while not self._stopping:
                await self._bus.js.connected.wait()
                try:
                    await self._fetch()
                except LogUnavailable as error:
                    log.info("fetch_begins_again", consumer=self._worker.durable, why=str(error))
                    await asyncio.sleep(0.1)
                    await self._check()
            await self._finish()
        finally:
            stop.cancel()
            alive.cancel()

    async def end(self) -> None:
        """Stop all handlers where they are; what they held is delivered again."""
        self._resting.end()
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _stop_with(self, stopping: asyncio.Event) -> None:
        await stopping.wait()
        self._stopping = True
        self._news.set()

    async def _fetch(self) -> None:
        """Ask for messages over one connection until it breaks or we stop."""
        js = self._bus.js
        epoch = js.epoch
        inbox = js.new_inbox()
        subscription = await js.nats.subscribe(inbox, cb=self._take)
        self._inbox, self._asked = inbox, 0
        try:
            while not self._stopping and js.epoch == epoch and js.connected.is_set():
                await self._ask()
                self._news.clear()
                if not self._arrived and not self._resting.ready:
                    await self._wait()
                await self._place()
        finally:
            with suppress(Exception):
                await subscription.unsubscribe()
            while self._arrived:
                await self._place()

    async def _take(self, message: Msg) -> None:
        self._arrived.append(message)
        self._news.set()

    async def _ask(self) -> None:
        """Ask for as many messages as there are free places; with lanes for more, to look ahead."""
        if self._lane is None:
            free = self._worker.places - len(self._running) - self._asked
        else:
            free = 0 if self._asked else min(BATCH, AHEAD - self._line.size)
        if free <= 0:
            return
        query = {
            "batch": free,
            "expires": int(EXPIRES * 10**9),
            "idle_heartbeat": int(HEARTBEAT * 10**9),
        }
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._worker.durable}"
        self._asked += free
        await self._bus.js.nats.publish(subject, msgspec.json.encode(query), reply=self._inbox)

    async def _wait(self) -> None:
        """Wait for a message, a free place, or the end; LogUnavailable after a silence."""
        lost = self._bus.js.interruption()
        news = asyncio.ensure_future(self._news.wait())
        try:
            done, _ = await asyncio.wait(
                (news, lost), timeout=SILENCE, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            news.cancel()
        if not done and self._asked:
            raise LogUnavailable("no heartbeat")

    async def _place(self) -> None:
        """Start or park what has arrived."""
        while self._arrived:
            message = self._arrived.popleft()
            if not message.reply.startswith("$JS.ACK"):
                self._asked -= _status(message)
                continue
            self._asked = max(0, self._asked - 1)
            instruments.behind.labels(self._worker.durable).set(message.metadata.num_pending)
            self._resting.drop(message.metadata.sequence.stream)  # if it was delivered anew
            await self._admit(message)
        while self._resting.ready:
            await self._admit(self._resting.take())
        self._fill()

    async def _admit(self, message: Msg) -> None:
        """Have the message wait for its turn."""
        if self._stopping:
            await self._handling.give_back(message)
            return
        event = await self._handling.opened(message)
        if event is None:
            return
        try:
            key = self._worker.key(event)
            lane = "" if self._lane is None else self._lane(event)
        except Exception as error:  # noqa: BLE001 - the worker's own, as in its handler
            await self._handling.failed(message, event, error)
            return
        self._line.add(lane, key, (message, event))

    def _fill(self) -> None:
        """Give the free places to those whose turn it is."""
        while not self._stopping and len(self._running) < self._worker.places:
            if (turn := self._line.take()) is None:
                break
            key, (message, event) = turn
            self._start(key, message, event)
        instruments.waiting.labels(self._worker.durable).set(self._line.size)

    def _start(self, key: str, message: Msg, event: Any) -> None:
        name = f"{self._worker.durable}:{key}"
        task = asyncio.create_task(self._handling.run(message, event), name=name)
        self._running[key] = task
        task.add_done_callback(lambda _: self._ended(key))

    def _ended(self, key: str) -> None:
        """Give the place to the next."""
        del self._running[key]
        self._line.ended(key)
        self._fill()
        self._news.set()

    async def _progress(self) -> None:
        """Tell the server that all that we hold is being worked on."""
        while True:
            await asyncio.sleep(self._pace.progress)
            waiting = [message for message, _ in self._line]
            resting = self._resting.messages.values()
            await _keep_alive((*self._handling.held.values(), *waiting, *resting))
            with suppress(LogUnavailable, Refused):
                await self._share()

    async def _share(self) -> None:
        """Leave what waits here to other processes of this worker that have places free."""
        if self._lane is None or self._line.size <= self._worker.places:
            return
        info = await self._bus.js.consumer(self._stream, self._worker.durable)
        asking = (info or {}).get("num_waiting", 0) - bool(self._asked)  # beside ourselves
        for message, _ in self._line.leave(asking * self._worker.places):
            await self._handling.give_back(message)

    async def _finish(self) -> None:
        """Give back what waits or rests, let handlers end, give back those that do not."""
        waiting = [message for message, _ in self._line.clear()]
        for message in (*waiting, *self._resting.end()):
            await self._handling.give_back(message)
        if tasks := list(self._running.values()):
            _, late = await asyncio.wait(tasks, timeout=self._pace.grace)
            if late:
                self._handling.giving_back = True
                await self.end()

    async def _check(self) -> None:
        """Raise DurableMissing when that is why nothing comes."""
        with suppress(LogUnavailable):
            durable = self._worker.durable
            if await patiently(lambda: self._bus.js.consumer(self._stream, durable), 2) is None:
                raise DurableMissing(f"there is no durable {durable}", hint="run ensure")


async def _keep_alive(messages: Iterable[Msg]) -> None:
    """Tell the server that these are being worked on."""
    for place, message in enumerate(messages, 1):
        with suppress(Exception):  # of a connection that is away: what it holds comes again
            await message.in_progress()
        if place % BREATH == 0:
            await asyncio.sleep(0)


def _status(message: Msg) -> int:
    """Return how many of the messages asked for will not come; LogUnavailable: none will."""
    headers = message.headers or {}
    code = headers.get("Status", "")
    if code == "100":
        return 0
    if code in ("404", "408") and "Nats-Pending-Messages" in headers:
        return int(headers["Nats-Pending-Messages"])
    raise LogUnavailable(f"{code} {headers.get('Description', '')}".strip())
