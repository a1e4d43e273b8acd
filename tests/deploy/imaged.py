"""Images for tests of deploy/: Pushline's by its Containerfile, and stand-ins for the others.

No registry of the world is asked: bases and stand-ins are made of what is on this machine, under
the names that deploy/ has for them.
"""

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Final

import pytest

from consumers.builder.buildkit import Client, Context, Export, FolderContext, Solve, TarContext
from tests.consumers.builder.buildkit.kitchen import Counted
from tests.heavy import bases
from tests.heavy.bases import Rootfs
from tests.heavy.engines import Engine
from tests.laptop import ROOT

NAME, BASE = "docker.io/library/pushline:test", "docker.io/library/pushline-base:test"
PACKAGES: Final = ("bus", "consumers", "edge", "schemas")
LINKED: Final = (  # what wheels for Linux may count on
    *("libstdc++.so.6", "libgcc_s.so.1", "libm.so.6", "libz.so.1", "libresolv.so.2"),
    *("libpthread.so.0", "libdl.so.2", "librt.so.1", "libutil.so.1"),
)


def wheels(folder: Path) -> Path:
    """Fill a folder with each pinned library, from where this machine gets its own."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
    requirements = str(ROOT / "deploy" / "requirements.txt")
    arguments = ["--only-binary", ":all:", "-r", requirements, "-d", str(folder)]
    done = subprocess.run([*pip, *arguments], check=False, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"the pinned wheels cannot be downloaded: {done.stderr[-500:]}")
    return folder


def checkout(folder: Path) -> Path:
    """Make a build context: the packages, the wheels, and something that is no part of it."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package)
    (folder / "deploy" / "secret-files").mkdir(parents=True)
    (folder / "deploy" / "secret-files" / "token").write_text("hush")
    shutil.copy(ROOT / "deploy" / "requirements.txt", folder / "deploy")
    (folder / "wheels").mkdir()
    wheels(folder / "wheels")
    return folder


def python(place: Path) -> Path:
    """Return the context of a base image like Python's own: with pip, and what wheels link to."""
    rootfs = bases.python(place)
    stdlib = Path(sysconfig.get_path("stdlib", vars={"installed_base": sys.base_prefix}))
    wanted = [path for path in (stdlib / "ensurepip").rglob("*") if path.suffix in (".py", ".whl")]
    wanted += [path for path in (stdlib / "venv" / "scripts").rglob("*") if path.is_file()]
    shared = Path("/usr/lib") / (sysconfig.get_config_var("MULTIARCH") or "")
    wanted += [shared / name for name in LINKED if (shared / name).exists()]
    rootfs.copy(wanted)
    return rootfs.done()


async def pushline(engine: Engine, folder: Path) -> list[str]:
    """Build a base and Pushline's image with our own client; return the files that were read."""
    made = TarContext(python(folder / "base.tar"))
    asked: list[str] = []
    (folder / "checkout").mkdir()
    whole: Context = FolderContext(checkout(folder / "checkout"))
    arguments = {"BASE": BASE, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/src/wheels"}
    attributes = {f"build-arg:{name}": value for name, value in arguments.items()}
    async with Client.connect(engine.url) as client:
        await _built(client, BASE, made, made)
        files = FolderContext(ROOT / "deploy")
        await _built(client, NAME, Counted(whole, asked), files, "Containerfile", **attributes)
    return asked


async def stand_in(engine: Engine, name: str, folder: Path, program: str, binary: Path) -> None:
    """Build an image that is busybox and one program, and starts it."""
    rootfs = bases.busybox(folder / f"{program}.tar")
    _program(rootfs, program, binary)
    made = TarContext(rootfs.done())
    entry = folder / f"{program}-entry"
    entry.mkdir()
    (entry / "Dockerfile").write_text(f'FROM {program}:base\nENTRYPOINT ["/bin/{program}"]\n')
    async with Client.connect(engine.url) as client:
        await _built(client, f"docker.io/library/{program}:base", made, made)
        await _built(client, name, FolderContext(entry), FolderContext(entry))


def _program(rootfs: Rootfs, program: str, binary: Path) -> None:
    rootfs.text(f"/bin/{program}", binary.read_bytes(), mode=0o755)
    rootfs.folder("/data")


async def _built(
    client: Client,
    name: str,
    context: Context,
    dockerfile: Context,
    filename: str = "Dockerfile",
    **attributes: str,
) -> None:
    contexts = {"context": context, "dockerfile": dockerfile}
    async with client.session(contexts=contexts) as session:
        await client.solve(
            Solve(
                frontend_attrs={"filename": filename, **attributes},
                exports=[Export("moby", {"name": name})],
                session=session,
            )
        )
