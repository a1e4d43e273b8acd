"""A real Prometheus, Debian's: scrapes what a test names, and is asked as Grafana asks it."""

import contextlib
import json
import os
import time
import urllib.parse
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx

from tests.heavy.programs import program, running, unpacked
from tests.laptop import PATIENCE

EVERY = "250ms"  # between two scrapes


def tool(name: str) -> Path:
    """Return where ``prometheus`` or ``promtool`` is, or skip with the way to get it."""
    path = os.pathsep.join((os.environ["PATH"], str(unpacked("prometheus") / "bin")))
    return program(name, "prometheus", path=path)


class Prometheus:
    """One server that scrapes."""

    def __init__(self, port: int) -> None:
        """Ask at a port of this machine."""
        self._url = f"http://127.0.0.1:{port}"

    def ready(self) -> bool:
        """Tell whether it serves."""
        with contextlib.suppress(httpx.HTTPError):
            return bool(self._get("/-/ready"))
        return False

    def query(self, expression: str) -> float | None:
        """Return the one value of an expression, None where there is none."""
        asked = urllib.parse.urlencode({"query": expression})
        found = json.loads(self._get(f"/api/v1/query?{asked}"))["data"]["result"]
        assert len(found) <= 1, found
        return float(found[0]["value"][1]) if found else None

    def api(self, path: str) -> dict[str, Any]:
        """Return what an endpoint of its API says."""
        found: dict[str, Any] = json.loads(self._get(f"/api/v1/{path}"))["data"]
        return found

    def until(self, expression: str, good: Callable[[float], bool]) -> float:
        """Return the value of an expression once it is good."""
        deadline = time.monotonic() + PATIENCE
        while (value := self.query(expression)) is None or not good(value):
            assert time.monotonic() < deadline, f"{expression} is {value}"
            time.sleep(0.05)
        return value

    def _get(self, path: str) -> bytes:
        return httpx.get(self._url + path, timeout=10).raise_for_status().content


@contextlib.contextmanager
def scraping(
    folder: Path, port: int, targets: Sequence[str], token: str, rules: Path
) -> Iterator[Prometheus]:
    """Yield a Prometheus that scrapes ``targets`` with a token, and evaluates ``rules``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "token").write_text(token)
    configuration = {
        "global": {"scrape_interval": EVERY, "evaluation_interval": EVERY},
        "rule_files": [str(rules)],
        "scrape_configs": [
            {
                "job_name": "pushline",
                "scrape_timeout": EVERY,
                "authorization": {"credentials_file": str(folder / "token")},
                "static_configs": [{"targets": list(targets)}],
            }
        ],
    }
    (folder / "prometheus.yml").write_text(json.dumps(configuration))  # JSON is YAML
    command: list[str | Path] = [
        tool("prometheus"),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    server = Prometheus(port)
    with running(command, folder / "log", server.ready):
        yield server
