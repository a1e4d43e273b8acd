"""One repository's refs, and what of them the log has to hear: one file, replaced at once.

``refs.json`` is the truth. A ref and the number of its delivery move in one rename, so a crash
leaves either neither or both. ``packed-refs`` and ``HEAD`` are copies for git's own programs.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

import msgspec
import structlog

from schemas.ids import ZERO_SHA, Sha

log = structlog.get_logger(__name__)

FILE: Final = "refs.json"
TOMBSTONES: Final = 1000  # deleted branches kept; older ones were delivered long ago


class LocalPush(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a local delivery: one branch moved. Read by intake."""

    kind: Literal["push"] = "push"
    owner: str
    repository: str
    branch: str
    before: Sha  # zeros: the branch is new
    after: Sha  # zeros: it was deleted
    default_branch: str
    pusher: str


class RefState(msgspec.Struct, frozen=True):
    """Where a ref is; for a branch also the delivery that tells of it."""

    sha: Sha  # zeros: deleted, kept until that is certain to have been delivered
    number: int = 0  # of the delivery: <project>:<number>
    push: LocalPush | None = None  # None: a tag, which is not delivered


class State(msgspec.Struct, frozen=True):
    """All that a repository knows beside its objects."""

    default_branch: str
    pushes: int = 0  # the last delivery's number
    refs: Mapping[str, RefState] = {}

    def sha(self, ref: str) -> Sha:
        """Return where ``ref`` is, zeros for nowhere."""
        return self.refs[ref].sha if ref in self.refs else ZERO_SHA

    def live(self) -> dict[str, Sha]:
        """Return the refs there are, sorted as git wants them: by bytes."""
        alive = ((name, ref.sha) for name, ref in self.refs.items() if ref.sha != ZERO_SHA)
        return dict(sorted(alive, key=lambda item: item[0].encode()))


def read(folder: Path) -> State | None:
    """Return a repository's state, None where there is no repository."""
    try:
        return msgspec.json.decode((folder / FILE).read_bytes(), type=State)
    except FileNotFoundError:
        return None


def write(folder: Path, state: State) -> None:
    """Replace the state; when this returns it survives a power cut.

    Raises OSError when nothing was replaced; a copy that fails is made by the next push.
    """
    replace(folder / FILE, msgspec.json.encode(_without_old_tombstones(state)))
    packed = "".join(f"{sha} {name}\n" for name, sha in state.live().items())
    try:
        replace(folder / "packed-refs", f"# pack-refs with: sorted \n{packed}".encode())
        replace(folder / "HEAD", f"ref: refs/heads/{state.default_branch}\n".encode())
    except OSError:
        log.exception("refs_not_copied", folder=str(folder))


def replace(path: Path, content: bytes) -> None:
    """Write a whole file beside ``path``, then rename it over ``path``, both fsynced."""
    fresh = path.with_name(path.name + ".new")
    with fresh.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    fsync_folder(path.parent)


def fsync_folder(folder: Path) -> None:
    """Make renames within ``folder`` survive a power cut."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _without_old_tombstones(state: State) -> State:
    dead = [name for name, ref in state.refs.items() if ref.sha == ZERO_SHA]
    dead.sort(key=lambda name: state.refs[name].number)
    old = set(dead[:-TOMBSTONES])
    if not old:
        return state
    return msgspec.structs.replace(
        state, refs={name: ref for name, ref in state.refs.items() if name not in old}
    )
