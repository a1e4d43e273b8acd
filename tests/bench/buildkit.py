"""A large build context by our client and by Docker's own, in alternate rounds, as root.

Docker's own is buildx, from which its start is taken off; ours is asked as a worker asks it: in a
process that is up. Each round builds on an engine that has forgotten everything.
"""

import asyncio
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import uvloop

from consumers.builder.buildkit import Client, Context, FolderContext, Solve, TarContext
from tests.bench.process import Missing
from tests.bench.report import Goal, How, Report, markdown, say
from tests.consumers.builder.buildkit.kitchen import tarred
from tests.heavy.engines import Engine, started
from tests.heavy.programs import unpacked

FILES: Final = 5000
SIZE: Final = 10486  # bytes of each: 50 MiB in all
LARGE: Final = 256 * 1024 * 1024  # bytes of one more file, to see that memory stays
SLOWER: Final = 1.5  # times as long as Docker's own
ROOM: Final = 32.0  # MB that a context of any size may add
STEPS: Final = "FROM scratch AS all\nCOPY . /\nFROM scratch\nCOPY --from=all /folder00/file000 /\n"


class Taken(NamedTuple):
    """What one build took."""

    seconds: float
    cpu: float  # seconds of the client's
    memory: float  # MB at most
    added: float = 0.0  # MB of these since before the build


def tree(root: Path) -> Path:
    """Write the files, a hundred a folder."""
    chance = random.Random(1)
    root.mkdir()
    for number in range(FILES):
        folder = root / f"folder{number // 100:02}"
        folder.mkdir(exist_ok=True)
        (folder / f"file{number % 100:03}").write_bytes(chance.randbytes(SIZE))
    (root / "Dockerfile").write_text(STEPS)
    return root


async def build(url: str, context: Context, *, forget: bool) -> float:
    """Return how long a build takes; before it the engine may have to forget."""
    async with Client.connect(url) as client:
        if forget:
            await client.prune(all=True)
        begun = time.perf_counter()
        named = {"context": context, "dockerfile": context}
        async with client.session(contexts=named) as session:
            await client.solve(Solve(session=session))
        return time.perf_counter() - begun


def alone(url: str, place: str) -> Taken:
    """Build in this process, warmed up by a small context."""
    small = Path(place).with_name("small")
    uvloop.run(build(url, FolderContext(small), forget=False))
    context = FolderContext(place) if Path(place).is_dir() else TarContext(place)
    idle, cpu = _memory(), time.process_time()
    seconds = uvloop.run(build(url, context, forget=True))
    memory = _memory()
    return Taken(seconds, time.process_time() - cpu, memory, memory - idle)


def _memory(pid: int | str = "self") -> float:
    """Return the most MB that a process has held since its start, 0 if it has ended.

    Not ru_maxrss: that begins with what the parent held.
    """
    try:
        told = Path(f"/proc/{pid}/status").read_text()
    except ProcessLookupError:
        return 0.0
    lines = [line for line in told.splitlines() if line.startswith("VmHWM:")]
    return int(lines[0].split()[1]) / 1000 if lines else 0.0


def ours(engine: Engine, place: Path) -> Taken:
    """Build by our client, in a process of its own."""
    command = [sys.executable, "-m", "tests.bench.buildkit", engine.url, str(place)]
    done = subprocess.run(command, check=True, capture_output=True)
    return msgspec.json.decode(done.stdout, type=Taken)


def theirs(engine: Engine, place: Path, home: Path, buildx: Path) -> Taken:
    """Build by Docker's own client."""
    asyncio.run(_forget(engine.url))
    start = _run([buildx, "version"], engine, home).seconds
    whole = _run([buildx, "build", "--quiet", "--provenance=false", place], engine, home)
    return whole._replace(seconds=whole.seconds - start)


async def _forget(url: str) -> None:
    async with Client.connect(url) as client:
        await client.prune(all=True)


def _run(command: Sequence[str | Path], engine: Engine, home: Path) -> Taken:
    environment = os.environ | {
        "DOCKER_HOST": f"unix://{engine.socket}",
        "DOCKER_CONFIG": str(home),
    }
    begun = time.perf_counter()
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        memory = 0.0
        while True:
            memory = max(memory, _memory(process.pid))
            time.sleep(0.01)
            pid, status, used = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
        seconds = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        said = process.stderr.read() if process.stderr else b""
    if process.returncode:
        raise Missing(f"docker buildx: {said.decode(errors='replace')[-300:]}")
    return Taken(seconds, used.ru_utime + used.ru_stime, memory)


def run(how: How) -> Report:
    """Measure; Missing without an engine or its client."""
    buildx = unpacked("buildx") / "libexec/docker/cli-plugins/docker-buildx"
    if not buildx.exists():
        raise Missing("no docker buildx: as root on Debian, `tests/run --install`")
    root = tree(how.folder / "tree")
    (how.folder / "small").mkdir()
    (how.folder / "small/Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
    archive = how.folder / "tree.tar"
    archive.write_bytes(tarred(root))
    taken: dict[str, list[Taken]] = {"docker buildx": [], "ours, folder": [], "ours, archive": []}
    with started(snapshotter=True) as engine:
        for number in range(how.rounds):
            say(f"round {number + 1} of {how.rounds}")
            taken["docker buildx"].append(theirs(engine, root, how.folder / "docker", buildx))
            taken["ours, folder"].append(ours(engine, root))
            taken["ours, archive"].append(ours(engine, archive))
        with (root / "large").open("wb") as large:
            large.truncate(LARGE)
        say("and a large file")
        grown = ours(engine, root)
    return Report("buildkit", how.machine, {}, goals(taken, grown), [table(taken, grown)])


def goals(taken: dict[str, list[Taken]], grown: Taken) -> list[Goal]:
    """Return how much slower ours may be, and how much room it may need."""
    found = []
    for kind in ("ours, folder", "ours, archive"):
        pairs = zip(taken[kind], taken["docker buildx"], strict=True)
        ratio = statistics.median(our.seconds / their.seconds for our, their in pairs)
        found.append(Goal(f"{kind}: time to docker buildx", SLOWER, ratio, at_least=False))
    added = max(one.added for one in (*taken["ours, folder"], *taken["ours, archive"]))
    found.append(Goal("memory that 50 MiB add", ROOM, added, "MB", at_least=False))
    found.append(Goal("memory that 306 MiB add", ROOM, grown.added, "MB", at_least=False))
    return found


def table(taken: dict[str, list[Taken]], grown: Taken) -> str:
    """Return the medians as a table of Markdown."""
    rows = []
    for kind, rounds in (*taken.items(), ("ours, with 256 MiB more", [grown])):
        seconds = sorted(one.seconds for one in rounds)
        rows.append(
            (
                kind,
                f"{statistics.median(seconds):.2f}",
                f"{seconds[0]:.2f}-{seconds[-1]:.2f}",
                f"{statistics.median(one.cpu for one in rounds):.2f}",
                f"{max(one.memory for one in rounds):.0f}",
            )
        )
    heads = ("5,000 files, 50 MiB", "seconds", "from-to", "CPU s", "RSS MB")
    return "\n".join(markdown(heads, rows))


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(alone(*sys.argv[1:])))
