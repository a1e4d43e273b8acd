"""Which entries of a tree a daemon is sent: include, exclude and follow patterns.

As fsutil chooses (https://github.com/tonistiigi/fsutil/blob/master/filter.go): the daemon does not
look again.
"""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from consumers.builder.buildkit.contexts import Tree
from consumers.builder.buildkit.entries import Entry
from consumers.builder.buildkit.errors import ContextInvalid
from consumers.builder.buildkit.following import follow
from consumers.builder.buildkit.patterns import Matcher, Pattern

DEEPEST: Final = 255  # folders within one another
MAGIC: Final = frozenset("*[]?^\\")

_State = tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the daemon asks for; nothing named: everything."""

    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    follow: Sequence[str] = ()


def select(tree: Tree, wanted: Wanted) -> Iterator[Entry]:
    """Yield what is to be sent, parents first and in order; raise ContextInvalid.

    A file of several names is a file once, and a link to that afterwards.
    """
    include = list(wanted.include)
    if wanted.follow:
        include += follow(tree, wanted.follow)
        if "." in include:
            include = []
    walk = _Walk(
        tree,
        _matcher(include),
        _matcher(wanted.exclude),
    )
    yield from _first_names(walk.below("", (), (), []))


def _matcher(patterns: Sequence[str]) -> Matcher | None:
    matcher = Matcher(patterns)
    return matcher if matcher.patterns else None


def _first_names(entries: Iterator[Entry]) -> Iterator[Entry]:
    first: dict[Hashable, str] = {}
    for entry in entries:
        if entry.same is not None and entry.is_file:
            if name := first.get(entry.same):
                yield replace(entry, link=name, size=0)
                continue
            first[entry.same] = entry.path
        yield entry


@dataclass(slots=True)
class _Walk:
    tree: Tree
    include: Matcher | None
    exclude: Matcher | None
    prunes: bool = field(init=False)  # folders without a wanted entry need not be looked into
    excludes_prune: bool = field(init=False)

    def __post_init__(self) -> None:
        include = self.include.patterns if self.include else ()
        exclude = self.exclude.patterns if self.exclude else ()
        self.prunes = all(pattern.exception or _plain(pattern) for pattern in include)
        self.excludes_prune = all(not one.exception or _plain(one) for one in exclude)

    def below(
        self, path: str, included: _State, excluded: _State, owed: list[Entry]
    ) -> Iterator[Entry]:
        """Yield what is wanted below a folder, after those of its parents that are still owed."""
        if path.count("/") >= DEEPEST:
            raise ContextInvalid(f"more than {DEEPEST} folders within one another: {path[:80]}…")
        for entry in self.tree.folder(path):
            inside, now_included = (
                self.include.within(entry.path, included) if self.include else (True, ())
            )
            if not inside and entry.is_folder and self._nothing_included(entry.path):
                continue
            outside, now_excluded = (
                self.exclude.within(entry.path, excluded) if self.exclude else (False, ())
            )
            if outside and entry.is_folder and self._all_excluded(entry.path):
                continue
            kept = inside and not outside
            if kept:
                yield from owed
                owed.clear()
                yield entry
            if entry.is_folder:
                # A folder that is not wanted itself is sent once something in it is.
                due = [] if kept else [*owed, entry]
                for found in self.below(entry.path, now_included, now_excluded, due):
                    owed.clear()
                    yield found

    def _nothing_included(self, folder: str) -> bool:
        if not self.include or not self.prunes:
            return False
        return not any(
            f"{pattern.root()}/".startswith(f"{folder}/")
            for pattern in self.include.patterns
            if not pattern.exception
        )

    def _all_excluded(self, folder: str) -> bool:
        if not self.exclude or not self.excludes_prune:
            return False
        return not any(
            f"{pattern.root()}/".startswith(f"{folder}/")
            for pattern in self.exclude.patterns
            if pattern.exception
        )


def _plain(pattern: Pattern) -> bool:
    return not MAGIC.intersection(pattern.root())
