"""Who may import whom: the contracts hold, and each one bites."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.source_tree import PACKAGES, ROOT

# A bad import in each direction that a contract forbids: contract id, file, planted line.
PLANTED = [
    ("rooms", "schemas/planted.py", "import bus"),
    ("rooms", "bus/planted.py", "import consumers"),
    ("rooms", "bus/planted.py", "import edge"),
    ("rooms", "consumers/intake/planted.py", "import edge"),
    ("rooms", "edge/planted.py", "import consumers.run"),
    ("root", "edge/planted.py", "import edge.cli"),
    ("root", "consumers/intake/planted.py", "import edge.cli"),
    ("consumers", "consumers/intake/planted.py", "import consumers.planner"),
    ("consumers", "consumers/forges/planted.py", "import consumers.intake"),
    ("consumers", "consumers/intake/planted.py", "import consumers.run"),
    ("consumers", "consumers/unheard_of.py", '"""In no layer."""'),
    ("nats", "edge/planted.py", "import nats"),
    ("nats", "consumers/intake/planted.py", "from nats.aio.client import Client"),
    ("boto3", "consumers/builder/planted.py", "import boto3"),
    ("litestar", "bus/planted.py", "import litestar"),
    ("litestar", "consumers/intake/planted.py", "from litestar import Litestar"),
    ("grpc", "consumers/deployer/planted.py", "import grpc"),
    ("grpc", "edge/planted.py", "import grpc.aio"),
    ("auth", "edge/auth/policy.py", "from edge.router import routes"),
    ("jwt", "edge/router/admission.py", "import jwt"),
    ("buildkit", "consumers/builder/buildkit/planted.py", "import bus.blocking"),
    ("buildkit", "consumers/builder/buildkit/planted.py", "import schemas.errors"),
    ("buildkit", "consumers/builder/buildkit/planted.py", "import consumers.builder.images"),
]


def lint_imports(folder: Path, *contracts: str) -> subprocess.CompletedProcess[str]:
    """Run import-linter in ``folder``, on all contracts or on the ones named."""
    binary = Path(sys.executable).with_name("lint-imports")
    named = [argument for name in contracts for argument in ("--contract", name)]
    return subprocess.run(
        [binary, "--config", "pyproject.toml", "--no-cache", *named],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the packages in which violations can be planted."""
    folder = tmp_path_factory.mktemp("copied")
    shutil.copy(ROOT / "pyproject.toml", folder)
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    return folder


def test_contracts_hold() -> None:
    """The code as it stands keeps every contract."""
    done = lint_imports(ROOT)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("contract", "file", "line"), PLANTED)
def test_contract_bites(copied: Path, contract: str, file: str, line: str) -> None:
    """A planted import breaks the contract that forbids it, which the report then names."""
    planted = copied / file
    planted.write_text(f"{line}\n")
    try:
        done = lint_imports(copied, contract)
    finally:
        planted.unlink()

    assert done.returncode == 1, done.stdout + done.stderr
    assert f"{contract}: " in done.stdout
    assert "BROKEN" in done.stdout
    assert "0 kept, 1 broken" in done.stdout


def test_builder_may_speak_grpc(copied: Path) -> None:
    """The one place that speaks gRPC is let through, so the contract is not blindly strict."""
    planted = copied / "consumers/builder/planted.py"
    planted.write_text("import grpc\n")
    try:
        done = lint_imports(copied, "grpc")
    finally:
        planted.unlink()

    assert done.returncode == 0, done.stdout + done.stderr
