"""How a process of consumers is looked at: /healthz for whoever starts it again, /metrics."""

import asyncio
from typing import Final

from bus import telemetry
from bus.connection import Bus
from consumers.run import Job
from edge.cli.dispatch import PLAIN, Message, Receive, Send, answer
from edge.cli.workers import Consumers

NOT_FOUND: Final = b"there are /healthz and /metrics\n"


class Health:
    """Knows which consumers run at this moment; an ASGI application that says so.

    Healthy is: the log is connected, and no consumer waits to be started again. The metrics
    carry no secret and need no token: listen where only those come who may read them.
    """

    def __init__(self, bus: Bus) -> None:
        """Watch nobody yet."""
        self._bus = bus
        self._running: dict[str, bool] = {}

    def watched(self, consuming: Consumers) -> Consumers:
        """Return the same consumers, each saying when it runs."""
        jobs = {name: self._watched(name, job) for name, job in consuming.jobs.items()}
        return Consumers(jobs, consuming.folds)

    def _watched(self, name: str, job: Job) -> Job:
        async def run(stopping: asyncio.Event) -> None:
            self._running[name] = True
            try:
                await job(stopping)
            finally:
                self._running[name] = False

        self._running[name] = False
        return run

    def ill(self) -> str:
        """Return what is wrong, or nothing."""
        if not self._bus.js.connected.is_set():
            return "the log is away"
        down = [name for name, runs in self._running.items() if not runs]
        return f"not running: {', '.join(down)}" if down else ""

    async def __call__(self, scope: Message, _: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            return
        match scope["path"]:
            case "/healthz":
                wrong = self.ill()
                await answer(send, 503 if wrong else 200, PLAIN, f"{wrong or 'ok'}\n".encode())
            case "/metrics":
                kind = telemetry.CONTENT_TYPE.encode()
                await answer(send, 200, kind, telemetry.exposition())
            case _:
                await answer(send, 404, PLAIN, NOT_FOUND)
