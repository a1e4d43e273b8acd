"""Watching a function until this very revision of it answers, and what it said if it does not."""

import asyncio
import re
from collections import deque
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from consumers.deployer.openfaas import names
from consumers.deployer.openfaas.client import Gateway
from consumers.deployer.openfaas.settings import GatewaySettings
from consumers.deployer.openfaas.wire import Deployment, Status
from consumers.deployer.platform import Revision
from schemas.errors import DeployFailed, PlatformUnavailable

FIRST_PAUSE: Final = 0.1  # seconds between two looks, which grow to
LONGEST_PAUSE: Final = 2.0
AGAIN: Final = 5.0  # seconds after which an order that does not show is given once more
TAIL: Final = 20  # lines
WAIT_FOR_TAIL: Final = 5.0
HEALTH: Final = "/_/health"  # of every OpenFaaS watchdog
HEALTH_PATH: Final = "com.openfaas.health.http.path"  # annotation: another one
_PLAIN_PATH: Final = re.compile(r"(/[A-Za-z0-9._~-]+)+/?")


class NotReady(DeployFailed):
    """A revision was not seen ready in time."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Watches the functions of one revision."""

    gateway: Gateway
    settings: GatewaySettings
    revision: Revision

    async def until_ready(self, order: Deployment) -> None:
        """Return once the gateway counts a replica of this revision and it answers.

        An update may be lost without a word (faas-netes answers 200 to one that Kubernetes
        refused), and what is being deleted may vanish after it took one: so the order is given
        again as long as the function does not show it. Raises NotReady, or DeployFailed when a
        newer generation comes in its place.
        """
        clock = asyncio.get_running_loop().time
        end, again, pause = clock() + self.settings.seconds, clock() + AGAIN, FIRST_PAUSE
        woken = False
        while True:
            status = await self.gateway.function(order.service, order.namespace)
            if status is not None and self._ours(status):
                if not (lack := await self._lack(order, status)):
                    return
                if not (woken or status.replicas):  # it idles, and has to show itself
                    woken = True
                    with suppress(DeployFailed):
                        await self.gateway.scale(order.service, 1, order.namespace)
            else:
                lack = "the gateway took the order and does not follow it"
                if clock() >= again:
                    again = clock() + AGAIN
                    await self.gateway.apply(
                        order, exists=status is not None, timeout=self.settings.seconds
                    )
            if clock() >= end:
                raise NotReady(f"not ready within {self.settings.seconds} s: {lack}")
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, LONGEST_PAUSE)

    def _ours(self, status: Status) -> bool:
        """Tell whether the function is this revision; raises DeployFailed for a newer one."""
        mark = names.mark_of(status, self.settings.installation)
        if mark is None:
            return False
        if mark.key != self.revision.key:
            refuse_older(self.revision, mark)
        return mark.key == self.revision.key

    async def _lack(self, order: Deployment, status: Status) -> str:
        """Return what is missing still, "" for nothing."""
        if not status.availableReplicas:
            return "no replica is available"
        path = order.annotations.get(HEALTH_PATH, HEALTH)
        if not _PLAIN_PATH.fullmatch(path) or ".." in path:
            path = HEALTH
        if not await self.gateway.answers(called(order.service, order.namespace) + path):
            return f"it does not answer GET {path}"
        return ""


def refuse_older(revision: Revision, there: names.Mark) -> None:
    """Raise DeployFailed when what is there is newer than this revision and what it may replace."""
    if there.generation > max(revision.generation, revision.over):
        raise DeployFailed(
            f"generation {there.generation} of it runs already, this is {revision.generation}"
        )


def called(service: str, namespace: str) -> str:
    """Return the path under which a gateway calls a function."""
    return f"/function/{service}.{namespace}" if namespace else f"/function/{service}"


async def tail(gateway: Gateway, order: Deployment, since: datetime) -> tuple[str, ...]:
    """Return the last lines that a function printed; none when the gateway does not tell."""
    kept: deque[str] = deque(maxlen=TAIL)
    reading = gateway.logs(
        order.service, order.namespace, since=since, tail=TAIL, silence=WAIT_FOR_TAIL / 2
    )
    with suppress(PlatformUnavailable, DeployFailed, TimeoutError):
        async with asyncio.timeout(WAIT_FOR_TAIL), aclosing(reading) as lines:
            async for line in lines:
                kept.append(printable(line.text))
    return tuple(kept)


def printable(text: str) -> str:
    """Return a printed line that can be shown, its indentation kept."""
    return "".join(char if char.isprintable() else " " for char in text[:1000]).rstrip()
