"""The generated code is what the definitions generate, and stands by what BuildKit publishes."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from consumers.builder.pb import auth_pb2, control_pb2, filesync_pb2, secrets_pb2

ROOT = Path(__file__).parents[4]
PROTO, PB = ROOT / "proto/builder", ROOT / "consumers/builder/pb"


def test_generated_code_is_in_step(tmp_path: Path) -> None:
    """Generating again gives what is committed; the cure is in proto/README.md."""
    if importlib.util.find_spec("grpc_tools") is None:
        pytest.skip("no grpcio-tools: `tests/run` installs it")
    command = [sys.executable, "-m", "grpc_tools.protoc"]
    command += [f"-Iconsumers/builder/pb={PROTO}", f"--python_out={tmp_path}"]
    command += [f"--pyi_out={tmp_path}", *map(str, sorted(PROTO.glob("*.proto")))]
    subprocess.run(command, check=True)

    made = tmp_path / "consumers/builder/pb"
    fresh = {path.name: path.read_text() for path in made.iterdir()}
    kept = {path.name: path.read_text() for path in PB.glob("*_pb2.py*")}
    assert fresh == kept


def test_every_definition_names_what_it_is_a_subset_of() -> None:
    """Each file says where the published one is."""
    for path in PROTO.glob("*.proto"):
        assert re.search(r"^// .*https://github\.com/", path.read_text(), re.MULTILINE), path


def test_methods_have_the_published_paths() -> None:
    """A path is package, service and method: that is what BuildKit calls, and we call."""
    paths = {
        f"/{service.full_name}/{method.name}"
        for module in (auth_pb2, control_pb2, filesync_pb2, secrets_pb2)
        for service in module.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    }

    assert paths == {
        "/moby.buildkit.secrets.v1.Secrets/GetSecret",
        "/moby.buildkit.v1.Control/DiskUsage",
        "/moby.buildkit.v1.Control/Info",
        "/moby.buildkit.v1.Control/ListWorkers",
        "/moby.buildkit.v1.Control/Prune",
        "/moby.buildkit.v1.Control/Session",
        "/moby.buildkit.v1.Control/Solve",
        "/moby.buildkit.v1.Control/Status",
        "/moby.filesync.v1.Auth/Credentials",
        "/moby.filesync.v1.FileSend/DiffCopy",
        "/moby.filesync.v1.FileSync/DiffCopy",
    }
