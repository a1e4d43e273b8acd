"""What is sent is what Docker's own client would send, whatever .dockerignore says."""

import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from consumers.builder.buildkit import Client, Export, FolderContext, Solve, ToFolder
from tests.heavy.engines import Engine
from tests.heavy.programs import CURE, unpacked

NAMES = ("a", "b", "a.b", "ab", "c.txt")
PARTS = (
    "*",
    "**",
    "d*",
    "da",
    "db",
    "a",
    "b",
    "a.b",
    "ab",
    "?",
    "[ab]",
    "*.b",
    "d[a-c]",
    "**a",
    "a**",
)
ROUNDS = 6


def patterns(chance: random.Random) -> list[str]:
    """Return some lines that a .dockerignore may have."""
    lines = []
    for _ in range(chance.randint(1, 5)):
        path = "/".join(chance.choice(PARTS) for _ in range(chance.randint(1, 3)))
        start, end = chance.choice(("", "", "/", "./")), chance.choice(("", "", "/"))
        lines.append(f"{'!' if chance.random() < 0.35 else ''}{start}{path}{end}")
    return lines


def tree(root: Path) -> Path:
    """Write a tree that such patterns cut through."""
    for above in NAMES:
        for folder in NAMES:
            (root / f"d{above}" / folder).mkdir(parents=True)
            for name in NAMES[:3]:
                (root / f"d{above}" / folder / name).write_text(name)
        (root / above).write_text(above)
    (root / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    return root


def paths(root: Path) -> list[str]:
    """Return everything in a folder."""
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


def theirs(engine: Engine, root: Path, target: Path) -> list[str]:
    """Return what an image holds that Docker's own client has built."""
    buildx = unpacked("buildx") / "libexec/docker/cli-plugins/docker-buildx"
    if not buildx.exists():
        pytest.skip(f"no docker buildx: {CURE}")
    home = {"DOCKER_HOST": f"unix://{engine.socket}", "DOCKER_CONFIG": str(target) + ".docker"}
    output = ("--output", f"type=local,dest={target}", "--provenance=false")
    command: list[str | Path] = [buildx, "build", "--quiet", *output, root]
    subprocess.run(command, env=os.environ | home, check=True, capture_output=True, timeout=60)
    return paths(target)


async def ours(client: Client, root: Path, target: Path) -> list[str]:
    """Return what an image holds that we have built."""
    folder = FolderContext(root)
    async with client.session(
        contexts={"context": folder, "dockerfile": folder}, receive=ToFolder(target)
    ) as session:
        await client.solve(Solve(session=session, exports=[Export("local")]))
    return paths(target)


async def test_ignored_files_are_those_of_dockers_own_client(
    engine: Engine, pushing: Client, tmp_path: Path
) -> None:
    """Some random lines, the same tree, two clients, one result."""
    root = tree(tmp_path / "tree")
    chance = random.Random(7)
    for _ in range(ROUNDS):
        lines = patterns(chance)
        (root / ".dockerignore").write_text("\n".join(lines) + "\n")

        expected = theirs(engine, root, tmp_path / "theirs")
        found = await ours(pushing, root, tmp_path / "ours")

        assert found == expected, lines
        shutil.rmtree(tmp_path / "theirs")
        shutil.rmtree(tmp_path / "ours")
