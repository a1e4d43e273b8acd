"""Ingest beside what the log can take: a signed push of GitHub's until it is durable and 202.

Each round first publishes as fast as the log's server acknowledges, each message synced, then
delivers; the server and the load share a core, ingest has the other.
"""

import asyncio
import hmac
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import msgspec

from bus import streams
from bus.server import find_binary
from bus.settings import BusSettings
from tests.bench.load import Load, Measured, measure
from tests.bench.process import LOAD_CORE, SERVER_CORE, Program, free_port, on_core, running
from tests.bench.receive import SECRET
from tests.bench.report import OURS, Goal, How, Report, Rounds, median, ratio, say

CONNECTIONS: Final = 32
AHEAD: Final = 64  # publishes without an acknowledgement
SIZE: Final = 9500  # bytes of a usual push
LIMIT: Final = "the log's limit"
CONFIGURATION: Final = """\
listen: "127.0.0.1:{port}", max_payload: 1MB
jetstream: {{ store_dir: "{store}", sync_interval: always, max_file_store: 8GB }}
"""


def push() -> bytes:
    """Return a body as GitHub's push events are, of their usual size."""
    commit = {
        "id": "4e47a0a1f7b0a1d3c5b0c4d5e6f708192a3b4c5d",
        "message": "a change, and why it was made",
        "timestamp": "2025-01-01T00:00:00Z",
        "author": {"name": "Alice", "username": "alice"},
        "added": [],
        "modified": ["hello/handler.py"],
    }
    body = {
        "ref": "refs/heads/main",
        "repository": {"id": 1296269, "full_name": "alice/hello"},
        "commits": [commit],
    }
    size = len(msgspec.json.encode(commit)) + 1
    body["commits"] = [commit] * (1 + (SIZE - len(msgspec.json.encode(body))) // size)
    encoded = msgspec.json.encode(body)
    return encoded + b" " * (SIZE - len(encoded))  # JSON may end in spaces


def delivery(body: bytes, run: str) -> bytes:
    """Return the request that delivers it; its delivery id is another each time."""
    digest = hmac.digest(SECRET.encode(), body, "sha256").hex()
    lines = (
        "POST /github-event HTTP/1.1",
        "Host: localhost",
        "User-Agent: GitHub-Hookshot/bench",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "X-GitHub-Event: push",
        f"X-GitHub-Delivery: {run}-{{n}}",
        f"X-Hub-Signature-256: sha256={digest}",
    )
    return "\r\n".join((*lines, "", "")).encode() + body


def run(how: How) -> Report:
    """Return what all rounds found."""
    name = f"GitHub push of {SIZE} bytes, {CONNECTIONS} connections"
    found: Rounds = {OURS: [], LIMIT: []}
    body, pushed = push(), how.folder / "push"
    pushed.write_bytes(body)
    with ExitStack() as stack:
        log, ingest, port = start(stack, how.folder)
        for number in range(1, how.rounds + 1):
            say(f"{name}: round {number} of {how.rounds}")
            found[LIMIT].append(limit(log, pushed, how.seconds))
            load = Load(name, CONNECTIONS, delivery(body, f"{time.time_ns():x}"))
            found[OURS].append(measure(load, ingest, port, how.folder, how.seconds))
    return Report("ingest", how.machine, {name: found}, goals(found))


def start(stack: ExitStack, folder: Path) -> tuple[int, Program, int]:
    """Start the log's server and ingest; return the one's port, the other and its port."""
    log, port = free_port(), free_port()
    configuration = folder / "nats.conf"
    configuration.write_text(CONFIGURATION.format(port=log, store=folder / "store"))
    stack.enter_context(running([find_binary(), "-c", configuration], log, folder, LOAD_CORE))
    url = f"nats://127.0.0.1:{log}"
    asyncio.run(streams.init(BusSettings(nats_url=url, home=folder / "home")))
    command = [sys.executable, "-m", "tests.bench.receive", str(folder / "home"), url, str(port)]
    return log, stack.enter_context(running(command, port, folder, SERVER_CORE)), port


def limit(port: int, pushed: Path, seconds: float) -> Measured:
    """Return what raw publishes to the stream of deliveries reach."""
    command = [sys.executable, "-m", "tests.bench.limit", str(port), "delivery.bench"]
    command += [str(pushed), str(AHEAD), str(seconds)]
    said = subprocess.run(
        on_core(SERVER_CORE, command), check=True, capture_output=True, text=True
    ).stdout
    rate = float(said)
    return Measured(rate, 0.0, 0.0, 0.0, rate * SIZE / 2**20, 0.0, 0)


def goals(found: Rounds) -> list[Goal]:
    """Return each goal with what was measured."""
    ours = found[OURS]
    return [
        Goal(
            "ingest: CPU a delivery", 120.0, median(ours, lambda m: m.cpu_us), "µs", at_least=False
        ),
        Goal("ingest: rate to the log's limit", 0.65, ratio(found, LIMIT, lambda m: m.rate)),
        Goal("ingest: p99", 50.0, median(ours, lambda m: m.p99_ms), "ms", at_least=False),
        Goal("ingest: refused", 0.0, float(sum(m.failed for m in ours)), "", at_least=False),
    ]
