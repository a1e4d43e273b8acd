"""The router starts light: what serves every request imports no broker client, no framework."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.source_tree import ROOT

HEAVY = {"aiohttp", "boto3", "cryptography", "dulwich", "grpc", "jwt", "litestar", "nats", "ruamel"}
SHOW = "import json, sys, {0}; print(json.dumps([*sys.modules]))"


def imported_by(module: str) -> set[str]:
    """Return the top packages in memory after a fresh interpreter imported ``module``."""
    done = subprocess.run(
        [
            sys.executable,
            "-P",
            "-c",
            f"import sys; sys.path.insert(0, {str(ROOT)!r}); " + SHOW.format(module),
        ],
        capture_output=True,
        check=True,
    )
    return {name.partition(".")[0] for name in json.loads(done.stdout)}


def router_modules() -> list[str]:
    """Return the dotted name of every module of the router."""
    files = sorted(Path(ROOT / "edge/router").glob("*.py"))
    names = [".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files]
    return [name.removesuffix(".__init__") for name in names]


@pytest.mark.parametrize("module", router_modules())
def test_router_imports_nothing_heavy(module: str) -> None:
    """Importing this module of the router brings none of the heavy libraries along."""
    assert imported_by(module) & HEAVY == set()


def test_children_log_without_rich() -> None:
    """A child has no terminal to colour: structlog is imported without rich, which stays usable."""
    assert (
        before_and_after(
            "from edge.cli import child; child.log_plainly(); import edge.router.main", "rich"
        )
        == "False\n"
    )


def test_the_log_needs_no_http_client() -> None:
    """What reads the log is imported without aiohttp, which stays usable: commands start soon."""
    assert before_and_after("import bus.connection, bus.work", "aiohttp") == "False\n"


def before_and_after(imports: str, library: str) -> str:
    """Return whether imports bring a library along, in words; it is imported after them."""
    program = f"import sys; {imports}; before = '{library}' in sys.modules; import {library}"
    done = subprocess.run(
        [sys.executable, "-c", f"{program}; print(before)"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    return done.stdout


def test_heavy_imports_would_be_seen() -> None:
    """The measurement sees a heavy library where one is imported."""
    assert "litestar" in imported_by("litestar")
