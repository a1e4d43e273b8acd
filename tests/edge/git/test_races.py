"""Two at once: one branch moves once, whoever asks, from whatever process."""

import asyncio
import fcntl
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bus.connection import Bus
from edge.git.repack import repack
from edge.git.repository import Repository
from tests.edge.git.conftest import STACK, Clone, Served, eventually, update

ZEROS = "0" * 40
HOLDER = """
import fcntl, sys
with open(sys.argv[1]) as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    print("held", flush=True)
    sys.stdin.readline()
"""


async def pack(clone: Clone, *revisions: str) -> bytes:
    """Return a pack of these revisions, made by git."""
    process = await asyncio.create_subprocess_exec(
        "git", "pack-objects", "--revs", "--stdout", "-q",
        cwd=clone.path, env=clone.environment,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, _ = await process.communicate("\n".join(revisions).encode() + b"\n")
    return said


async def test_lost_race_is_told(served: Served) -> None:
    """A push that saw the branch where it is no more is refused, though its pack is good."""
    clone = await served.clone()
    first = await clone.commit(stack_yml=STACK)
    await clone.git("push", "origin", "main")
    second = await clone.commit(a="2")
    await clone.git("push", "origin", "main")
    third = await clone.commit(a="3")

    body = update(first, third) + await pack(clone, "main", f"^{second}")
    status, said = await served.post(body)

    assert status == 200
    assert b"unpack ok" in said
    assert b"ng refs/heads/main fetch first" in said
    assert (await served.heads())["refs/heads/main"] == second


async def test_two_pushers_at_once(served: Served, bus: Bus) -> None:
    """Of two gits that push different commits to one branch exactly one wins, each time."""
    left, right = await served.clone("left"), await served.clone("right")
    for number in range(4):
        for clone in (left, right):
            if number:
                await clone.git("fetch", "-q", "origin")
                await clone.git("reset", "-q", "--hard", "origin/main")
        shas = [
            await clone.commit(stack_yml=STACK, mine=f"{clone.path.name} {number}")
            for clone in (left, right)
        ]

        results = await asyncio.gather(
            *(clone.git("push", "origin", "main", code=None) for clone in (left, right))
        )

        assert sorted(result.code for result in results) == [0, 1]
        winner = next(sha for sha, result in zip(shas, results, strict=True) if not result.code)
        loser = next(result for result in results if result.code)
        assert "rejected" in loser.output
        assert "fetch first" in loser.output or "stale info" in loser.output
        assert (await served.heads())["refs/heads/main"] == winner
    info = await bus.js.info("DELIVERIES")
    assert info is not None
    assert info["state"]["messages"] == 4


async def test_lock_holds_across_processes(served: Served) -> None:
    """While another process holds the repository's lock no ref moves; afterwards it does."""
    clone = await served.clone()
    first = await clone.commit(stack_yml=STACK)
    await clone.git("push", "origin", "main")
    second = await clone.commit(a="2")
    lock = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLDER, str(served.path() / "lock"),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert lock.stdin
    assert lock.stdout
    await lock.stdout.readline()

    pushing = asyncio.create_task(clone.git("push", "origin", "main"))
    await eventually(lambda: bool(list(served.path().glob("../../.incoming/*/pack/*.idx"))))
    assert (await served.heads())["refs/heads/main"] == first
    lock.stdin.write(b"\n")
    await lock.wait()
    await pushing

    assert (await served.heads())["refs/heads/main"] == second


async def test_repack_waits_for_readers(serve: Callable[..., Any], tmp_path: Path) -> None:
    """Packs that somebody reads are not replaced."""
    async with serve() as served:
        clone = await served.clone()
        for number in range(3):
            await clone.commit(stack_yml=STACK, a=str(number))
            await clone.git("push", "origin", "main")
        repository = Repository(served.root, "alice", "hello")
        with repository.packs_kept():
            assert not repack(repository, 2)

        assert repack(repository, 2)

        assert len(list(served.path().glob("objects/pack/*.pack"))) == 1
        await Clone(tmp_path).git("-C", str(served.path()), "fsck", "--full", "--strict")
        await Clone(tmp_path).git("clone", "-q", served.remote(), "copy")
        assert not repack(repository, 2)


def test_many_first_pushes_make_one_repository(tmp_path: Path) -> None:
    """Whoever comes first: all find the same repository made, and no one fails."""
    for number in range(20):
        repository = Repository(tmp_path, "a", f"b{number}")
        with ThreadPoolExecutor(8) as threads:
            made = [threads.submit(repository.create) for _ in range(8)]
        for one in made:
            one.result()

        assert (repository.folder / "config").read_text().startswith("[core]")
        assert not list(repository.folder.glob("*.new"))


def test_locks_of_two_openings_exclude(tmp_path: Path) -> None:
    """Two openings in one process exclude each other as two processes do."""
    repository = Repository(tmp_path, "a", "b")
    repository.create()
    with repository.refs_locked():
        number = os.open(repository.folder / "lock", os.O_RDWR)
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pass
        else:
            raise AssertionError("the lock was taken twice")
        finally:
            os.close(number)
