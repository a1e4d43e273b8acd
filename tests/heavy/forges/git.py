"""Bare repositories: commits made by ``git fast-import``, a process each."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.consumers.source.forge import AUTHOR, git

STAMP = 1_700_000_000  # seconds; each commit is a second later, so that none is like another


def create(folder: Path) -> None:
    """Make an empty repository."""
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "--bare", "-b", "main")


def commit(
    folder: Path,
    branch: str,
    files: Mapping[str, str | bytes | None],
    *,
    parent: str,
    number: int,
    message: str = "change",
) -> str:
    """Write files on a branch (None removes one); return the new commit."""
    said = message.encode()
    stream = bytearray(f"commit refs/heads/{branch}\nmark :1\n".encode())
    stream += f"committer a <a@example.com> {STAMP + number} +0000\n".encode()
    stream += b"data %d\n%s\n" % (len(said), said)
    if parent:
        stream += f"from {parent}\n".encode()
    for name, body in files.items():
        if body is None:
            stream += f"D {name}\n".encode()
            continue
        data = body.encode() if isinstance(body, str) else body
        stream += b"M 100644 inline %s\ndata %d\n%s\n" % (name.encode(), len(data), data)
    stream += b"\nget-mark :1\ndone\n"
    return _import(folder, bytes(stream))


def merge(folder: Path, target: str, source: str, *, number: int) -> str:
    """Return the commit that merges ``source`` into ``target``."""
    tree = git(folder, "merge-tree", "--write-tree", target, source)
    stamp = dict.fromkeys(("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"), f"{STAMP + number} +0000")
    return subprocess.run(
        ["git", "commit-tree", tree, "-p", target, "-p", source, "-m", "Merge"],
        cwd=folder,
        env=AUTHOR | stamp,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()


def point(folder: Path, ref: str, sha: str) -> None:
    """Let a ref be a commit; without one the ref is gone."""
    git(folder, "update-ref", *(["-d", ref] if not sha else [ref, sha]))


def fetch(folder: Path, other: Path, branch: str, ref: str) -> None:
    """Take a branch of another repository as ``ref``."""
    git(folder, "fetch", "-q", str(other), f"+refs/heads/{branch}:{ref}")


def _import(folder: Path, stream: bytes) -> str:
    done = subprocess.run(
        ["git", "fast-import", "--quiet", "--force", "--done"],
        cwd=folder,
        env=AUTHOR,
        input=stream,
        check=True,
        capture_output=True,
    )
    return done.stdout.decode().strip()
