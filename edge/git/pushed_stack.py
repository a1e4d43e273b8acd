"""The stack.yml of a pushed commit, read before the push is accepted."""

from collections.abc import Callable, Collection
from typing import Final

import msgspec
from dulwich.object_store import DiskObjectStore
from dulwich.objects import Blob, Commit, ObjectID, Tree

from edge.git.errors import PackRefused
from schemas.events.run import Problem
from schemas.stack import LANGUAGES, NAMES, StackInvalid, parse

LIMIT: Final = 1024 * 1024  # bytes; a stack.yml is text that people write


class Verdict(msgspec.Struct, frozen=True):
    """What is to be said of a commit's stack.yml; with errors the push is refused."""

    errors: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()

    @property
    def reason(self) -> str:
        """Return what the ref is refused with."""
        count = len(self.errors)
        file = self.errors[0].file
        return f"{file} has {count} {'error' if count == 1 else 'errors'}"


Lint = Callable[[bytes, str], Verdict]


def lint(
    text: bytes,
    file: str,
    languages: Collection[str] = LANGUAGES,
    honoured: Collection[str] = (),
) -> Verdict:
    """Return all errors of a stack.yml, or all its warnings."""
    try:
        stack = parse(text, file=file, languages=languages, honoured=honoured)
        return Verdict(warnings=stack.warnings)
    except StackInvalid as error:
        return Verdict(errors=error.problems)


def judge(store: DiskObjectStore, sha: str, lint: Lint) -> Verdict:
    """Return the verdict on the commit ``sha``; without a stack.yml it is a warning."""
    commit = store[ObjectID(sha.encode())]
    if not isinstance(commit, Commit):
        raise PackRefused(f"{sha} is no commit")
    tree = store[commit.tree]
    if not isinstance(tree, Tree):
        raise PackRefused(f"the tree of commit {sha} is no tree")
    for name in NAMES:
        if name.encode() in tree:
            return _judge(store, tree[name.encode()][1], name, lint)
    message = f"there is no {NAMES[0]} in the root folder, so there is nothing to deploy"
    cure = "it says what functions the repository has: see the README"
    return Verdict(warnings=(Problem(message=message, cure=cure),))


def _judge(store: DiskObjectStore, sha: ObjectID, name: str, lint: Lint) -> Verdict:
    blob = store[sha] if sha in store else None  # noqa: SIM401 - a store has no get
    if not isinstance(blob, Blob):
        return Verdict(errors=(Problem(message="this is not a file", file=name),))
    if blob.raw_length() > LIMIT:
        return Verdict(errors=(Problem(message=f"over {LIMIT} bytes", file=name),))
    return lint(blob.as_raw_string(), name)
