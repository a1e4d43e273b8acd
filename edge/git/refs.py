"""Moving refs: which updates are refused and why, and what the state is afterwards.

No I/O but looking objects up; the caller holds the repository's lock.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec
from dulwich.object_store import DiskObjectStore
from dulwich.objects import Commit, ObjectID

from edge.git.commands import Command
from edge.git.names import HEADS, branch_of, ref_problem
from edge.git.repository import Repository
from edge.git.state import LocalPush, RefState, State

MOST: Final = 10_000  # refs of one repository
FETCH_FIRST: Final = "fetch first: it has moved meanwhile"
MISSING: Final = "missing necessary objects"
PREFERRED: Final = ("main", "master")


def refused(commands: Sequence[Command], before: State, store: DiskObjectStore) -> dict[str, str]:
    """Return why each update is refused that is."""
    gone = {command.ref for command in commands if command.deletes}
    tree = _Names(name for name in before.live() if name not in gone)
    result: dict[str, str] = {}
    seen: set[str] = set()
    for command in commands:
        why = "it is named twice in this push" if command.ref in seen else ""
        seen.add(command.ref)
        why = why or ref_problem(command.ref) or _problem(command, before, store)
        if not why and not command.deletes:
            why = tree.add(command.ref)
        if why:
            result[command.ref] = why
    return result


def default_branch(commands: Iterable[Command], before: State, refused: Mapping[str, str]) -> str:
    """Return the production branch: the first that was pushed, rather ``main`` or ``master``.

    It stays when it is deleted, for a mistake must not make production of another branch; only
    a new ``main`` or ``master`` takes its place, or whatever comes into an empty repository.
    """
    branches = [branch_of(name) for name in before.live() if branch_of(name)]
    if before.default_branch in branches:
        return before.default_branch
    new = [
        branch_of(command.ref)
        for command in commands
        if branch_of(command.ref) and not command.deletes and command.ref not in refused
    ]
    for name in (before.default_branch, *PREFERRED):
        if name and name in new:
            return name
    if new and not branches:
        return new[0]
    return before.default_branch or PREFERRED[0]


def moved(
    commands: Iterable[Command],
    before: State,
    repository: Repository,
    *,
    default_branch: str,
    pusher: str,
) -> State:
    """Return the state with ``commands`` done; each branch that moves gets the next number."""
    refs, number = dict(before.refs), before.pushes
    for command in commands:
        branch = branch_of(command.ref)
        if command.old == command.new:
            continue
        if not branch:
            refs[command.ref] = RefState(command.new)
            if command.deletes:
                del refs[command.ref]
            continue
        number += 1
        push = LocalPush(
            owner=repository.owner,
            repository=repository.name,
            branch=branch,
            before=command.old,
            after=command.new,
            default_branch=default_branch,
            pusher=pusher,
        )
        refs[command.ref] = RefState(command.new, number, push)
    return msgspec.structs.replace(before, default_branch=default_branch, pushes=number, refs=refs)


def _problem(command: Command, before: State, store: DiskObjectStore) -> str:
    if before.sha(command.ref) != command.old:
        return FETCH_FIRST
    if command.deletes:
        return ""
    id = ObjectID(command.new.encode())
    if id not in store:
        return MISSING
    if command.ref.startswith(HEADS) and not isinstance(store[id], Commit):
        return "a branch has to name a commit"
    return ""


class _Names:
    """Ref names as files and folders: ``a`` and ``a/b`` can't both be there."""

    def __init__(self, names: Iterable[str]) -> None:
        self._files = set(names)
        self._folders = {folder for name in self._files for folder in _folders(name)}

    def add(self, name: str) -> str:
        """Take a name up, or return why not."""
        if name in self._files:
            return ""
        for taken in _folders(name):
            if taken in self._files:
                return f"{taken} is a ref already"
        if name in self._folders:
            return f"there are refs within {name}/"
        if len(self._files) >= MOST:
            return f"a repository has at most {MOST} refs"
        self._files.add(name)
        self._folders.update(_folders(name))
        return ""


def _folders(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[:end]) for end in range(3, len(parts))]
