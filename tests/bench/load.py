"""Load: the same bytes over and over, each connection asking again once it is answered.

By ``wrk`` where it is on PATH, else by ``client.py``, which is slower: then what it measures is a
lower bound of the server. ``{n}`` in a request is another number each time.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import msgspec

from tests.bench.process import LOAD_CORE, Program, on_core

NUMBER: Final = b"{n}"

WRK: Final = """\
local file = io.open("%s", "rb")
local raw = file:read("*a")
file:close()
local parts, from = {}, 1
while true do
  local at = raw:find("{n}", from, true)
  if not at then break end
  parts[#parts + 1] = raw:sub(from, at - 1)
  from = at + 3
end
local last, n = raw:sub(from), 0
if #parts == 0 then
  request = function() return raw end
elseif #parts == 1 then
  local first = parts[1]
  request = function() n = n + 1; return first .. n .. last end
else
  parts[#parts + 1] = last
  request = function() n = n + 1; return table.concat(parts, n) end
end
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format(
    '\\n{"count":%%d,"seconds":%%f,"bytes":%%d,"failed":%%d,"p50_ms":%%f,"p99_ms":%%f}\\n',
    summary.requests, summary.duration / 1e6, summary.bytes,
    e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
"""


class Load(msgspec.Struct, frozen=True):
    """What is asked, by how many at once."""

    name: str
    connections: int
    request: bytes

    @property
    def sent_bytes(self) -> int:
        """Return the bytes of one request."""
        return len(self.request)


class Told(msgspec.Struct, frozen=True):
    """What a load generator says at its end."""

    count: int
    seconds: float
    bytes: int  # received
    failed: int
    p50_ms: float
    p99_ms: float


class Measured(msgspec.Struct, frozen=True):
    """One round of one load on one server."""

    rate: float  # requests a second
    cpu_us: float  # of the server, a request
    p50_ms: float
    p99_ms: float
    mib_s: float  # both directions
    memory_mb: float  # of the server, right after
    failed: int


def measure(load: Load, server: Program, port: int, folder: Path, seconds: float) -> Measured:
    """Load a server for some seconds; return what came of it."""
    raw = folder / "request"
    raw.write_bytes(load.request)
    before = server.cpu()
    told = _run(load, port, folder, raw, seconds)
    used = server.cpu() - before
    count = max(told.count, 1)
    return Measured(
        rate=told.count / told.seconds,
        cpu_us=used / count * 1e6,
        p50_ms=told.p50_ms,
        p99_ms=told.p99_ms,
        mib_s=(told.bytes + told.count * load.sent_bytes) / told.seconds / 2**20,
        memory_mb=server.memory(),
        failed=told.failed,
    )


def _run(load: Load, port: int, folder: Path, raw: Path, seconds: float) -> Told:
    connections = str(load.connections)
    wrk = shutil.which("wrk")
    if wrk:
        script = folder / "load.lua"
        script.write_text(WRK % raw)
        command = [wrk, "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s"]
        command += ["--timeout", "10s", "-s", str(script), f"http://127.0.0.1:{port}/"]
    else:
        command = [sys.executable, "-m", "tests.bench.client"]
        command += [str(raw), str(port), connections, str(seconds)]
    said = subprocess.run(
        on_core(LOAD_CORE, command), check=True, capture_output=True, text=True
    ).stdout
    return msgspec.convert(json.loads(said.splitlines()[-1]), Told)
