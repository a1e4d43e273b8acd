"""Walking a repository's commits for a fetch: what is reachable, cut off, to be sent."""

import stat
from collections.abc import Collection, Iterable, Iterator
from typing import Final

import msgspec
from dulwich.object_store import DiskObjectStore, find_shallow
from dulwich.objects import S_ISGITLINK, Commit, ObjectID, Tag, Tree

from edge.git.errors import ProtocolBroken
from edge.git.wants import Wants

NOTHING: Final[frozenset[bytes]] = frozenset()


class Boundary(msgspec.Struct, frozen=True):
    """Where the client's history is to be cut off."""

    shallow: frozenset[bytes] = NOTHING  # new to the client
    unshallow: frozenset[bytes] = NOTHING  # no longer cut off there
    cut: frozenset[bytes] = NOTHING  # all commits without parents at the client, afterwards


class History:
    """The objects of one repository, for one request."""

    def __init__(self, store: DiskObjectStore) -> None:
        """Read from ``store``; parents are remembered."""
        self._store = store
        self._parents: dict[bytes, list[ObjectID]] = {}

    def has(self, id: bytes) -> bool:
        """Tell whether the object is here."""
        return ObjectID(id) in self._store

    def parents(self, id: bytes) -> list[ObjectID]:
        """Return a commit's parents, what a tag names, nothing for the rest."""
        if id not in self._parents:
            match self._store[ObjectID(id)]:
                case Commit() as commit:
                    self._parents[id] = list(commit.parents)
                case Tag() as tag:
                    self._parents[id] = [tag.object[1]]
                case _:
                    self._parents[id] = []
        return self._parents[id]

    def ancestors(
        self,
        ids: Iterable[bytes],
        *,
        cut: Collection[bytes] = NOTHING,
        without: Collection[bytes] = NOTHING,
    ) -> Iterator[ObjectID]:
        """Yield ``ids`` and all before them, each once.

        Not the parents of ``cut``, and nothing that is or lies behind ``without``.
        """
        todo, seen = [ObjectID(id) for id in ids], set(without)
        while todo:
            id = todo.pop()
            if id in seen:
                continue
            seen.add(id)
            yield id
            if id not in cut:
                todo += self.parents(id)

    def check_wants(self, tips: Collection[bytes], asked: Wants) -> None:
        """Raise ProtocolBroken unless every want can be reached from a ref.

        The rest is not ours to show, for instance what a force push took back.
        """
        left = set(asked.wants) - set(tips)
        for id in self.ancestors(tips) if left else ():
            left.discard(id)
            if not left:
                return
        if left:
            raise ProtocolBroken(f"upload-pack: not our ref {min(left).decode()}")

    def boundary(self, asked: Wants) -> Boundary:
        """Return the cut that ``deepen`` asks for, the client's own without it."""
        known = frozenset(asked.shallow)
        if not asked.depth:
            return Boundary(cut=known)
        starts, depth = asked.wants, asked.depth
        if b"deepen-relative" in asked.capabilities:  # counted from where it is cut off now
            starts, depth = tuple(filter(self.has, asked.shallow)), asked.depth + 1
        found, deep = find_shallow(self._store, [ObjectID(id) for id in starts], depth)
        cut = frozenset(id for id in found - deep if self.parents(id))
        return Boundary(cut - known, known & deep, cut | (known - deep))

    def satisfied(self, asked: Wants, common: Collection[bytes]) -> bool:
        """Tell whether each want leads to something that both have: no have would help more."""
        known = set(common)
        return bool(known) and all(
            any(id in known for id in self.ancestors((want,))) for want in asked.wants
        )

    def missing(
        self, asked: Wants, common: Iterable[bytes], cut: Boundary, tags: Iterable[bytes] = ()
    ) -> list[ObjectID]:
        """Return what the client does not have of what it wants, each object once.

        ``tags`` are sent along when what they name is. A commit that is no longer cut off is at
        the client, its parents are not.
        """
        has = set(self.ancestors(common, cut=frozenset(asked.shallow)))
        starts = [*asked.wants, *(p for id in cut.unshallow for p in self.parents(id))]
        fresh = list(self.ancestors(starts, cut=cut.cut, without=has))
        near = {p for id in fresh if id not in cut.cut for p in self.parents(id)} | cut.unshallow
        seen: set[bytes] = set()
        for id in near & has:
            self._content(id, seen)
        sent = list(fresh)
        for id in fresh:
            sent += self._content(id, seen)
        known = set(sent)
        for tag in tags:
            if tag not in known and any(id in known for id in self.parents(tag)):
                sent.append(ObjectID(tag))
        return sent

    def _content(self, id: bytes, seen: set[bytes]) -> list[ObjectID]:
        """Return the trees and blobs of a commit or tree that were not ``seen``."""
        found: list[ObjectID] = []
        todo: list[ObjectID] = []

        def meet(id: ObjectID, *, folder: bool) -> None:
            if id not in seen:
                seen.add(id)
                found.append(id)
                if folder:
                    todo.append(id)

        match self._store[ObjectID(id)]:
            case Commit() as commit:
                meet(commit.tree, folder=True)
            case Tree():
                todo.append(ObjectID(id))
            case _:
                pass
        while todo:
            tree = self._store[todo.pop()]
            for entry in tree.iteritems() if isinstance(tree, Tree) else ():
                if not S_ISGITLINK(entry.mode):
                    meet(entry.sha, folder=stat.S_ISDIR(entry.mode))
        return found
