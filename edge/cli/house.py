"""All processes of one home: the log's server, router, platform, supervisor."""

import asyncio
import contextlib
import dataclasses
import errno
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import structlog

from edge.cli import home, processes
from edge.cli.home import Endpoint, Home
from edge.cli.listen import BACKLOG, PortTaken
from edge.cli.processes import Child, role, router_name
from edge.cli.release import version
from edge.cli.settings import LOOPBACK, Settings, public_of
from schemas.errors import PushlineError

if TYPE_CHECKING:
    from bus.server import NatsServer

log = structlog.get_logger(__name__)

# Ctrl-C, `kill`, and a terminal that was closed: all end in order.
ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PORTS_TRIED: Final = 100
READY_WITHIN: Final = 60.0  # seconds; usual is one
RENEWING: Final = signal.SIGUSR2
NATS_POLL: Final = 0.25  # seconds between looks at the log's server


class Stopped(PushlineError):
    """Somebody wanted it to end while it started."""

    code = "stopped"


class NotReady(PushlineError):
    """The processes run, and yet nothing is served."""

    code = "not_ready"


@dataclass(frozen=True, slots=True)
class House:
    """What serves a home; made by ``serving``."""

    endpoint: Endpoint
    took: float  # seconds until it served
    orphans: int  # processes that a killed ``up`` had left
    children: Sequence[Child]
    nats: "NatsServer"

    async def watch(self) -> None:
        """Keep all processes running, for ever; raises Unusable."""
        watching = [asyncio.ensure_future(each.watch()) for each in self.children]
        watching.append(asyncio.ensure_future(_watch_nats(self.nats, self.children[0].pids)))
        try:
            ended, _ = await asyncio.wait(watching, return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                task.result()
        finally:
            for task in watching:
                task.cancel()
            await asyncio.wait(watching)

    async def renew(self) -> None:
        """Start each router anew, one after the other; no request is lost."""
        for each in self.children:
            if role(each.name) == "router":
                await each.renew()

    @contextlib.asynccontextmanager
    async def renewing(self, number: signal.Signals) -> AsyncIterator[None]:
        """Renew whenever this signal comes."""
        loop, tasks = asyncio.get_running_loop(), set[asyncio.Task[None]]()

        def begin() -> None:
            task = asyncio.create_task(self.renew())
            tasks.add(task)
            task.add_done_callback(tasks.discard)

        loop.add_signal_handler(number, begin)
        try:
            yield
        finally:
            loop.remove_signal_handler(number)
            await asyncio.gather(*tasks)


@contextlib.asynccontextmanager
async def serving(
    settings: Settings,
    place: Home,
    host: str,
    port: int,
    *,
    tools: dict[str, str],
    stopping: asyncio.Event,
    output: int | None = None,
) -> AsyncIterator[House]:
    """Yield a house that serves; at the end stop all of it, the router first.

    ``tools`` is the environment of what a build calls, ``output`` the descriptor of the
    children's log lines. Raises Stopped when told to stop before it serves; it is not cancelled,
    for then a half-open connection to the log may swallow that.
    """
    begun = time.monotonic()
    orphans = processes.end_orphans(place.pids)
    for old in place.run.glob("*.sock"):
        old.unlink()
    listeners = bind(host, port, settings.routers)
    children = _children(place, listeners, output)
    nats = None
    try:
        for each in children.values():
            await each.start()
        from edge.cli import parts  # the log's client is slow to import: while children do too

        nats = parts.log_server(place)
        await parts.initialised(nats)
        endpoint = _endpoint(settings, place, host, listeners[0].getsockname()[1], nats)
        for name, payload in parts.payloads(
            settings, place, endpoint, nats, listeners=listeners, tools=tools
        ).items():
            await children[name].tell(payload)
        house = House(
            endpoint=endpoint,
            took=0,
            orphans=len(orphans),
            children=tuple(children.values()),
            nats=nats,
        )
        await _ready(house, place, stopping)
        home.write_private(place.endpoint, msgspec.json.encode(endpoint))
        yield dataclasses.replace(house, took=time.monotonic() - begun)
    finally:
        for listener in listeners:
            listener.close()
        place.endpoint.unlink(missing_ok=True)
        await _stop(children)
        if nats is not None:
            nats.stop()
            processes.forget(place.pids, "nats-server")


async def until(
    stopping: asyncio.Event, house: House, work: asyncio.Task[None] | None = None
) -> None:
    """Keep all processes running until told to stop, or until ``work`` is done.

    Raises Unusable, Stopped for work that was not done, and what the work raises.
    """
    watching = asyncio.create_task(house.watch())
    stopped = asyncio.create_task(stopping.wait())
    tasks: list[asyncio.Task[Any]] = [watching, *([work] if work else []), stopped]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done():
                task.result()
        if work and not work.done():
            raise Stopped("told to stop before the end")
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


def bind(host: str, port: int, count: int = 1) -> list[socket.socket]:
    """Return so many listening sockets on that port, or on the next free one.

    They listen at once: until a router takes them up, callers wait instead of being refused, also
    while it is started again, for we keep them. Among several the kernel shares callers out; a
    port that somebody else has is not shared.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for number in range(port, min(port + PORTS_TRIED, 65536)) if port else (0,):
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, number))  # before it is shared: refused where anybody listens
            if count > 1:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            listener.listen(BACKLOG)
        except OSError as error:
            listener.close()
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise PortTaken(
                    f"cannot listen on {host}: {error.strerror}", hint="say another: --listen"
                ) from error
        else:
            return [listener, *(_beside(listener) for _ in range(count - 1))]
    raise PortTaken(
        f"no port from {port} on is free on {host}", hint="say another: --listen HOST:PORT"
    )


def _beside(first: socket.socket) -> socket.socket:
    listener = socket.socket(first.family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind(first.getsockname())
    listener.listen(BACKLOG)
    return listener


def _children(
    place: Home, listeners: Sequence[socket.socket], output: int | None
) -> dict[str, Child]:
    sockets = {router_name(number): each.fileno() for number, each in enumerate(listeners)}
    graces = dict.fromkeys(sockets, 35.0)  # each a little over its own
    graces |= {"platform": 20.0, "supervisor": 15.0}
    return {
        name: Child(
            name=name,
            argv=(*_python(), "-m", "edge.cli.child", role(name), str(os.getpid())),
            pids=place.pids,
            descriptors=(sockets[name],) if name in sockets else (),
            output=output,
            grace=grace,
        )
        for name, grace in graces.items()
    }


def _python() -> tuple[str, ...]:
    """Return our interpreter, as safe as we were started.

    With -P, a folder called ``bus`` where the user happens to stand is not ours.
    """
    return (sys.executable, "-P") if sys.flags.safe_path else (sys.executable,)


def _endpoint(
    settings: Settings, place: Home, host: str, port: int, nats: "NatsServer"
) -> Endpoint:
    name = host
    if host in LOOPBACK or host.startswith("127."):
        name = "localhost"
    elif host in ("0.0.0.0", "::"):  # noqa: S104 - allowed by the operator; no name to be met at
        own = settings.root_domain
        name = "localhost" if own == "localhost" else f"system.{own}"
    public = public_of(settings)
    return Endpoint(
        url=public.replace("://", "://system.") or f"http://{name}:{port}",
        public=public,
        host=host,
        port=port,
        root_domain=settings.root_domain,
        token=home.token_of(place),
        log=nats.url,
        pid=os.getpid(),
        started=datetime.now(UTC),
        version=version(),
    )


async def _ready(house: House, place: Home, stopping: asyncio.Event) -> None:
    """Wait until the platform answers through the router and functions can be started."""
    watching = asyncio.create_task(house.watch())
    deadline = time.monotonic() + READY_WITHIN
    try:
        while time.monotonic() < deadline:
            if stopping.is_set():
                raise Stopped("told to stop before it served")
            if await _healthy(house.endpoint) and await _connects(place.run / "supervisor.sock"):
                return
            await asyncio.wait((watching,), timeout=0.01)
            if watching.done():
                watching.result()
        raise NotReady(f"nothing is served after {READY_WITHIN:.0f} s", hint="see the lines above")
    finally:
        watching.cancel()
        await asyncio.wait((watching,))


async def _healthy(endpoint: Endpoint) -> bool:
    """Ask /healthz through the router; HTTP by hand, for an HTTP client is slow to import."""
    try:
        reader, writer = await asyncio.open_connection(endpoint.host, endpoint.port)
    except OSError:
        return False
    try:
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return (await asyncio.wait_for(reader.read(12), 5)) == b"HTTP/1.1 200"
    except (OSError, TimeoutError):
        return False
    finally:
        writer.close()


async def _connects(path: Path) -> bool:
    try:
        _, writer = await asyncio.open_unix_connection(path)
    except OSError:
        return False
    writer.close()
    return True


async def _watch_nats(nats: "NatsServer", pids: Path) -> None:
    """Start the log's server again when it ends, on the same port: everybody reconnects."""
    while True:
        await asyncio.sleep(NATS_POLL)
        if not nats.running():
            log.error("child_ended", child="nats-server")
            nats.start()  # in this thread, with which it dies
            processes.record(pids, nats.pid, "nats-server")
            log.warning("child_restarted", child="nats-server", pid=nats.pid)


async def _stop(children: dict[str, Child]) -> None:
    """Stop what takes requests before what answers them; nobody waits for who looks on."""
    children["platform"].forewarn()
    routers = [each for name, each in children.items() if role(name) == "router"]
    await asyncio.gather(*(each.stop() for each in routers))
    await asyncio.gather(children["platform"].stop(), children["supervisor"].stop())
