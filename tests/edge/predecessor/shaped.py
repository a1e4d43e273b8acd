"""The predecessor's endpoints over a real log, and somebody who asks them."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import httpx

from bus.connection import Bus
from edge.auth.asking import Asking
from edge.auth.door import TokenMissing
from edge.auth.people import Caller
from edge.ingest.gate import Gate
from edge.predecessor.application import Shapes
from edge.predecessor.reading import Reading
from schemas import subjects
from schemas.envelope import Aggregate
from schemas.events.branch import BranchPushed
from schemas.events.function import FunctionDeployed
from schemas.events.run import RunQueued
from schemas.repository import Repository
from schemas.usage import Usage
from tests.edge.api.serving import Serving, serving
from tests.edge.auth.entering import asking

SHA: Final = "04b8e44" + "a" * 33
IMAGE: Final = "sha256:" + "1" * 64
PULLED: Final = f"127.0.0.1:31115/of-community/alexellis-fns-tester@{IMAGE}"
URL: Final = "https://github.com/AlexEllis/fns.git"


@dataclass
class Shaped:
    """The application, and what it reads."""

    served: Serving
    who: Caller | None = None

    def enter(self, scope: Mapping[str, Any]) -> Asking:
        """Return who asks; TokenMissing for nobody."""
        del scope
        if self.who is None:
            raise TokenMissing("no")
        return asking(self.who)

    async def ask(
        self, caller: Caller | None, path: str, body: bytes | None = None, method: str = ""
    ) -> httpx.Response:
        """Ask as somebody; with a body it is a POST."""
        self.who = caller
        reading = Reading(self.served.views, self.served.bus.usage, self.served.bus.lines)
        transport = httpx.ASGITransport(Shapes(reading, self.enter, Gate()))
        verb = method or ("GET" if body is None else "POST")
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(verb, path, content=body)

    async def live(
        self,
        forge: str,
        name: str,
        function: str,
        environment: str = "production",
        label: str = "",
    ) -> None:
        """Let a function be live, pushed to its default branch."""
        owner, _, repository = name.rpartition("/")
        of = Repository(owner, repository, "main", clone_url=URL, private=owner == "AlexEllis")
        run = f"run-{name}-{function}-{environment}"
        pushed = BranchPushed("main", "0" * 40, SHA, of, owner)
        write, label = self.served.append, label or owner.lower().replace("/", "-")
        await write(pushed, Aggregate(forge, name, "branch", "main"), name=name)
        queued = RunQueued(environment, 1, "main", SHA, of, label)
        await write(queued, Aggregate(forge, name, "run", run), name=name)
        deployed = FunctionDeployed(
            run=run,
            generation=1,
            revision="r",
            image=IMAGE,
            spec=IMAGE,
            sha=SHA,
            label=label,
            environment=environment,
            function=function,
            upstream="gateway:8080",
            upstreams=("gateway:8081",),
            reference=PULLED,
        )
        place = Aggregate(forge, name, "function", f"{environment}/{function}")
        await self.served.write(deployed, place, name=name)

    async def asked(self, forge: str, name: str, function: str, *parts: Usage) -> None:
        """Let routers have counted."""
        subject = subjects.usage(forge, name, f"production/{function}")
        for number, part in enumerate(parts):
            await self.served.bus.usage.write(subject, part, id=f"{subject}:{number}")


def minute(ago: int = 0) -> int:
    """Return a minute of the epoch."""
    return int(datetime.now(UTC).timestamp() // 60) - ago


@asynccontextmanager
async def shaped(bus: Bus) -> AsyncIterator[Shaped]:
    """Yield the endpoints of an empty installation."""
    async with serving(bus) as served:
        yield Shaped(served)
