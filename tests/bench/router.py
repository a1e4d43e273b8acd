"""The router beside nginx: ``python -m tests.bench.router [ROUNDS]``.

Server on core 0, load and upstream on core 1. Machines swing by two between minutes, so only
ratios within a round count: A B A B, and the median of the rounds. Needs nginx and wrk:
``apt-get install nginx-light wrk``.
"""

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil

UPSTREAM = """worker_processes 1; worker_cpu_affinity 10; pid {0}/up.pid; error_log stderr crit;
daemon off; events {{ worker_connections 4096; }}
http {{ access_log off; keepalive_requests 100000000; keepalive_timeout 600;
  client_body_temp_path {0}/t1; proxy_temp_path {0}/t2; fastcgi_temp_path {0}/t3;
  uwsgi_temp_path {0}/t4; scgi_temp_path {0}/t5;
  server {{ listen unix:{0}/up.sock; location / {{ add_header X-Duration-Seconds 0.001;
    default_type text/plain; return 200 "hello, world, how are you today\\n"; }} }} }}"""
PROXY = """worker_processes 1; worker_cpu_affinity 01; pid {0}/px.pid; error_log stderr crit;
daemon off; events {{ worker_connections 4096; }}
http {{ access_log {0}/nginx.log combined buffer=64k; keepalive_requests 100000000;
  client_body_temp_path {0}/p1; proxy_temp_path {0}/p2; fastcgi_temp_path {0}/p3;
  uwsgi_temp_path {0}/p4; scgi_temp_path {0}/p5;
  upstream up {{ server unix:{0}/up.sock; keepalive 512; keepalive_requests 100000000; }}
  server {{ listen 127.0.0.1:{1}; server_name alice.localhost;
    location /hello {{ rewrite ^/hello(/.*)?$ /$1 break; proxy_pass http://up;
      proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
      proxy_set_header X-Forwarded-Host $host; proxy_set_header X-Forwarded-Proto http;
      proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Call-Id $request_id;
    }} }} }}"""
COOKIE = "pushline_token=" + "x" * 404
EVERY_HEAD = """local n = 0
request = function()
  n = n + 1
  wrk.headers["X-Number"] = n
  return wrk.format("GET", "/hello/" .. n)
end"""


@contextmanager
def running(*command: str, **options: object) -> Iterator["subprocess.Popen[str]"]:
    """Run a program and end it, by its pid."""
    with subprocess.Popen(command, text=True, **options) as child:  # type: ignore[call-overload]
        try:
            yield child
        finally:
            child.terminate()


def cpu(pid: int) -> float:
    """Return the CPU seconds of a process and its children."""
    whole = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    return sum(sum(process.cpu_times()[:2]) for process in whole)


def load(pid: int, port: int, connections: int, script: Path | None) -> dict[str, float]:
    """Return requests/s, CPU µs per request and p99 of three seconds of load."""
    command = ["taskset", "-c", "1", "wrk", "-t1", f"-c{connections}", "-d3s", "--latency"]
    command += ["-H", "Host: alice.localhost", "-H", f"Cookie: {COOKIE}"]
    command += ["-s", str(script)] if script else []
    before = cpu(pid)
    said = subprocess.run(
        [*command, f"http://127.0.0.1:{port}/hello"], check=True, capture_output=True, text=True
    ).stdout
    used = cpu(pid) - before
    found = re.search(r"(\d+) requests in ([\d.]+)s", said)
    worst = re.search(r"99%\s+([\d.]+)(us|ms|s)", said)
    assert found, said
    assert worst, said
    assert "Non-2xx" not in said, said
    count, took = int(found[1]), float(found[2])
    unit = {"us": 0.001, "ms": 1.0, "s": 1000.0}[worst[2]]
    return {
        "rate": count / took,
        "cpu_us": used / count * 1e6,
        "p99_ms": float(worst[1]) * unit,
    }


def compare(folder: Path, rounds: int) -> dict[str, dict[str, float]]:
    """Return medians of the ratios and of the router's own numbers, per case."""
    port = 20000 + os.getpid() % 10000
    (folder / "up.conf").write_text(UPSTREAM.format(folder))
    (folder / "px.conf").write_text(PROXY.format(folder, port))
    every = folder / "every.lua"
    every.write_text(EVERY_HEAD)
    cases: dict[str, tuple[int, Path | None]] = {
        "32 connections": (32, None),
        "1 connection": (1, None),
    }
    cases |= {"512 connections": (512, None), "every head different": (32, every)}
    results: dict[str, dict[str, float]] = {}
    with ExitStack() as stack:
        nginx = [shutil.which("nginx") or "nginx", "-p", str(folder), "-c"]
        stack.enter_context(running(*nginx, str(folder / "up.conf")))
        peer = stack.enter_context(running(*nginx, str(folder / "px.conf")))
        command = [sys.executable, "-m", "tests.bench.serve", str(folder), "unix:up.sock"]
        ours = stack.enter_context(
            running(*command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        )
        assert ours.stdout is not None
        our_port = next(int(line) for line in ours.stdout if line.strip().isdigit())
        time.sleep(0.5)
        for name, (connections, script) in cases.items():
            pairs = [
                (
                    load(ours.pid, our_port, connections, script),
                    load(peer.pid, port, connections, script),
                )
                for _ in range(rounds)
            ]
            results[name] = {
                key: statistics.median(one[key] for one, _ in pairs) for key in pairs[0][0]
            }
            for key in pairs[0][0]:
                results[name][f"{key}_to_nginx"] = statistics.median(
                    one[key] / other[key] for one, other in pairs
                )
    return results


def main() -> int:
    """Print a line per case, then all of it as JSON."""
    missing = [name for name in ("nginx", "wrk", "taskset") if not shutil.which(name)]
    if missing:
        print(f"missing: {' '.join(missing)} (apt-get install nginx-light wrk)")  # noqa: T201
        return 1
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        results = compare(Path(folder), int(sys.argv[1]) if len(sys.argv) > 1 else 5)
    for name, case in results.items():
        numbers = "  ".join(f"{key} {value:.2f}" for key, value in case.items())
        print(f"{name}: {numbers}")  # noqa: T201
    print(json.dumps(results))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
