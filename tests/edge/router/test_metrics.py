"""What operators read of a router: true numbers, few labels, and nothing in a request's way."""

import asyncio
import socket
import subprocess
import sys
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from edge.cli.router_metrics import gathered, with_routers
from edge.router.counters import Counted
from edge.router.instruments import exposition
from tests.edge.router.conftest import Start
from tests.edge.router.wire import PATIENCE, calling, echo, get, upstream

NUMBERS = Counted(
    connections=3,
    connections_open=1,
    connections_refused=2,
    statuses=[0, 0, 5, 0, 4, 1],
    bytes_out=77,
    replayed=0,
    causes={"no_host": 4},
    functions=9,
    usage_waiting=0,
    latency={10: 2, 100: 3},
)


def samples(text: bytes) -> dict[str, float]:
    """Return each sample by its name and labels, as a strict parser reads them."""
    found = {}
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            labels = ",".join(sample.labels[key] for key in sorted(sample.labels))
            found[f"{sample.name}{{{labels}}}"] = sample.value
    return found


async def ask(port: int, path: str) -> tuple[int, bytes]:
    """Ask a port for a path, by hand."""
    async with asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        head, _, body = (await reader.read(-1)).partition(b"\r\n\r\n")
        writer.close()
    return int(head[9:12]), body


def test_numbers_become_metrics() -> None:
    """Counters, gauges, and a histogram that adds up."""
    found = samples(exposition("router-2", NUMBERS))

    assert found["pushline_router_connections_total{router-2}"] == 3
    assert found["pushline_router_requests_total{router-2,2xx}"] == 5
    assert found["pushline_router_refusals_total{no_host,router-2}"] == 4
    assert found["pushline_router_functions{router-2}"] == 9
    assert found["pushline_router_seconds_count{router-2}"] == 5
    assert found["pushline_router_seconds_bucket{+Inf,router-2}"] == 5
    assert found["pushline_router_seconds_bucket{0.001,router-2}"] == 2


async def test_a_port_apart_serves_them(start: Start) -> None:
    """/metrics and /healthz there, and neither at the port of callers."""
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port = bound.getsockname()[1]
        async with start(metrics_fd=bound.detach()) as router:
            async with (
                upstream(router.run / "fn-1.sock", echo),
                calling(router.port) as caller,
            ):
                router.route("hello", "unix:fn-1.sock")
                await caller.ask(get())
                await caller.ask(get("/none"))
                public = await caller.ask(get("/metrics"))
                router.router.meter.collect(0.0)
            status, text = await ask(port, "/metrics")
            health, _ = await ask(port, "/healthz")
            unknown, _ = await ask(port, "/")

    found = samples(text)
    assert (status, health, unknown, public.status) == (200, 200, 404, 404)
    assert found["pushline_router_requests_total{router,2xx}"] == 1
    assert found["pushline_router_requests_total{router,4xx}"] == 2
    assert found["pushline_router_refusals_total{no_function,router}"] == 2
    assert found["pushline_router_seconds_count{router}"] == 1


async def test_the_platform_serves_those_of_all_routers(start: Start, run: Path) -> None:
    """Each router under its name; one that is gone is left out, and delays nothing."""
    (run / "router-9-metrics.sock").touch()
    async with with_routers(run) as metrics:
        async with (
            start(name="router", metrics_socket=run / "router-metrics.sock") as one,
            start(name="router-2", metrics_socket=run / "router-2-metrics.sock"),
        ):
            async with calling(one.port) as caller:
                await caller.ask(get())
            found = samples(await metrics())
            mode = (run / "router-metrics.sock").stat().st_mode
        gone = await gathered(run)

    assert found["pushline_router_requests_total{router,4xx}"] == 1
    assert found["pushline_router_requests_total{router-2,4xx}"] == 0
    assert mode & 0o777 == 0o600
    assert gone == {}


async def test_nonsense_is_hung_up_on(start: Start, run: Path) -> None:
    """Bytes that are no request, or too many of them, end their own connection alone."""
    path = run / "router-metrics.sock"
    async with start(metrics_socket=path):
        for data in (b"\0\0\r\n\r\n", b"x" * 100_000):
            async with asyncio.timeout(PATIENCE):
                reader, writer = await asyncio.open_unix_connection(path)
                writer.write(data)
                assert b"200 OK" not in await reader.read(-1)
                writer.close()
        assert set(await gathered(run)) == {"router"}


def test_prometheus_is_not_imported_to_listen() -> None:
    """Where nobody asks, nothing is loaded."""
    program = (
        "import sys, edge.router.main; "
        "print([m for m in ('prometheus_client','nats') if m in sys.modules])"
    )
    said = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    ).stdout
    assert said == "[]\n"
