"""Fixtures that start real servers."""

import json
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import structlog

from bus import streams
from bus.connection import Bus, BusSettings, connect, session
from bus.jetstream import Refused
from bus.server import find_binary

CONF = """listen: "127.0.0.1:-1", log_file: "{0}/log", max_payload: 1MB
jetstream: {{ store_dir: "{0}/store", sync_interval: always, max_file_store: 8GB }}"""

LONG = (
    "deploy",
    "e2e",
    "chaos",
    "browser",
    "heavy",
)  # folders whose files take long, mostly waiting


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files that wait between files that compute, the longest early.

    So processes that share the files neither compute all at once, nor wait for the last of them.
    """
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    folder = {path: path.relative_to(Path(__file__).parent).parts[0] for path in files}
    long = sorted(
        (each for each in files if folder[each] in LONG), key=lambda each: LONG.index(folder[each])
    )
    short = [each for each in files if folder[each] not in LONG]
    each_time = len(short) // (len(long) + 1)
    order: list[Path] = []
    for number, path in enumerate(long):
        order += [path, *short[number * each_time : (number + 1) * each_time]]
    order += short[len(long) * each_time :]
    items[:] = [item for path in order for item in files[path]]


@pytest.fixture(scope="session")
def nats_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the URL of our own nats-server, on a port of its choice."""
    home = tmp_path_factory.mktemp("nats")
    (home / "conf").write_text(CONF.format(home))
    with subprocess.Popen([find_binary(), "-c", home / "conf", "--ports_file_dir", home]) as server:
        ports = home / f"nats-server_{server.pid}.ports"
        try:
            while not ports.exists() or not ports.read_text().endswith("}"):
                assert server.poll() is None, (home / "log").read_text()
                time.sleep(0.005)
            yield json.loads(ports.read_text())["nats"][0]
        finally:
            server.terminate()  # this very process, by its pid


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """Forget how a command that ran within a test wanted its lines."""
    yield
    structlog.reset_defaults()


@pytest.fixture
async def bus_settings(nats_url: str, tmp_path: Path) -> BusSettings:
    """Return settings of a log that is empty and initialised, with a home of its own."""
    settings = BusSettings(nats_url=nats_url, home=tmp_path / "home")
    async with session(settings, name="fixture") as js:
        # The server removes its folder of streams after the last one, beside the next creation,
        # which then fails: one stream always stays.
        await js.call("STREAM.CREATE.KEPT", {"name": "KEPT", "subjects": ["kept"]}, timeout=10)
        for stream in streams.STREAMS:
            with suppress(Refused):  # there was none yet
                await js.call(f"STREAM.DELETE.{stream['name']}", timeout=10)
    await streams.init(settings)
    return settings


@pytest.fixture
async def bus(bus_settings: BusSettings) -> AsyncIterator[Bus]:
    """Yield the bus, connected to an empty log."""
    async with connect(bus_settings, name="test") as connected:
        yield connected
