"""Pytest plugin: a strict OpenFaaS gateway on loopback, played to the provider's published API.

The fixture ``gateway`` yields a Gateway: ``url user password`` to set a Pushline up with; what it
holds, ``functions`` (by name) and ``secrets``; ``calls``, all that was asked of it; ``weather``,
which tests change while it serves; ``say(name, text)`` prints a line of a function. ``style``
chooses the server it plays: faasd (a replica is there or not, 200) or faas-netes (rolling
updates: the old replica counts until the new one is ready, 202). At the end of a test any fault of
the client fails it. ``runner`` set to a ``containers.Containers`` has
functions run as containers of a Docker Engine, calls going through to them.
"""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, Protocol

import pytest
from aiohttp import web

Style = Literal["faasd", "netes"]


class Runner(Protocol):
    """Runs functions for real; called in a thread of its own."""

    def start(
        self, deployment: dict[str, Any], secrets: dict[str, bytes], say: Callable[[str], None]
    ) -> tuple[str, int]:
        """Return where a function listens, once it does; ``say`` gets what it prints."""
        ...

    def stop(self, address: tuple[str, int]) -> None:
        """End it."""
        ...


@dataclass
class Weather:
    """What goes wrong; changed by tests at any time."""

    status: int = 0  # every call to /system is answered so; 0: as it should be
    times: int = -1  # for so many calls; -1: for ever
    slow: float = 0.0  # seconds before each answer
    lie: str = ""  # html, shape, huge, swallow, redirect, cut
    only: str = ""  # verb and path prefix that status and lie are for: "PUT /system/functions"
    ready_after: float = 0.0  # seconds from an order to a ready replica
    broken: set[str] = field(default_factory=set)  # images (or parts of them) never ready
    unhealthy: set[str] = field(default_factory=set)  # their functions answer 503


@dataclass(frozen=True)
class Call:
    """One request to /system."""

    verb: str
    path: str
    query: dict[str, str]
    body: Any

    def __str__(self) -> str:
        """Return what tests compare."""
        return f"{self.verb} {self.path}"


@dataclass
class Function:
    """One function as the gateway holds it."""

    deployment: dict[str, Any]
    ready: bool = False
    before: "Function | None" = None  # whose replica serves until this one is ready
    replicas: int = 1
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    address: tuple[str, int] | None = None

    @property
    def serving(self) -> "Function | None":
        """Return the revision that calls get."""
        return self if self.ready else self.before


class Gateway:
    """What tests see; the server runs in a thread and loop of its own."""

    user, password = "admin", "gateway-password"

    def __init__(self, style: Style = "netes", default: str = "openfaas-fn") -> None:
        self.style = style
        self.default = default
        self.namespaces = {default}
        self.held: dict[tuple[str, str], Function] = {}
        self.kept: dict[tuple[str, str], bytes] = {}
        self.printed: list[tuple[str, dict[str, str]]] = []  # namespace/name, line
        self.calls: list[Call] = []
        self.invoked: list[tuple[str, str, str, dict[str, str]]] = []
        self.faults: list[str] = []
        self.weather = Weather()
        self.runner: Runner | None = None
        self.following = 0  # answers to follow=true that are open
        self.follow_seconds = 60.0  # after which the answer to follow=true ends
        self.url = ""

    @property
    def functions(self) -> dict[str, Function]:
        """Return the functions of the default namespace, by name."""
        return {name: held for (where, name), held in self.held.items() if where == self.default}

    @property
    def secrets(self) -> dict[str, bytes]:
        """Return the secrets of the default namespace, by name."""
        return {name: held for (where, name), held in self.kept.items() if where == self.default}

    def asked(self, *prefixes: str) -> list[str]:
        """Return the calls whose verb and path begin so, all without a prefix."""
        return [str(call) for call in self.calls if str(call).startswith(prefixes or "")]

    def say(
        self, name: str, text: str, *, time: datetime | None = None, instance: str = "1"
    ) -> None:
        """Have a function of the default namespace print a line."""
        stamp = (time or datetime.now(UTC)).isoformat().replace("+00:00", "Z")
        line = {"name": name, "namespace": self.default, "instance": instance}
        self.printed.append((f"{self.default}/{name}", {**line, "timestamp": stamp, "text": text}))


@contextmanager
def serving(gateway: Gateway) -> Iterator[Gateway]:
    """Serve a gateway on a free port of loopback for as long as the context lasts."""
    from tests.heavy.gateway.server import application

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="gateway", daemon=True)
    thread.start()

    async def start() -> web.AppRunner:
        runner = web.AppRunner(application(gateway), access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        gateway.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        return runner

    runner = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
    try:
        yield gateway
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@pytest.fixture
def gateway(request: pytest.FixtureRequest) -> Iterator[Gateway]:
    """Yield a gateway that plays faas-netes, or the style that the test is parametrized with."""
    style: Style = getattr(request, "param", "netes")
    with serving(Gateway(style)) as played:
        yield played
    assert played.faults == []
