"""Following symbolic links of a tree, so that what a path leads to is sent with it.

As fsutil does (https://github.com/tonistiigi/fsutil/blob/master/followlinks.go): nothing leads out
of the tree, and a wildcard may stand in the last part.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from consumers.builder.buildkit.contexts import Tree
from consumers.builder.buildkit.errors import ContextInvalid
from consumers.builder.buildkit.paths import clean
from consumers.builder.buildkit.patterns import compiled


def follow(tree: Tree, paths: Iterable[str]) -> list[str]:
    """Return the paths and all that links on them lead to, sorted, none below another.

    A path that leads to the root is ["."]: everything is wanted.
    """
    following = _Following(tree)
    for path in paths:
        following.add(path)
    found: list[str] = []
    for path in sorted(following.found):
        if path == ".":
            return ["."]
        if not found or not path.startswith(found[-1] + "/"):
            found.append(path)
    return found


@dataclass(slots=True)
class _Following:
    tree: Tree
    found: set[str] = field(default_factory=set)  # links on the way among them: no loop is endless

    def add(self, path: str) -> None:
        waiting = [_inside(path)]
        while waiting:
            parts = waiting.pop().split("/")
            for end in range(1, len(parts) + 1):
                current = "/".join(parts[:end]) or "."
                rest = "/".join(parts[end:])
                targets = self.targets(current)
                if targets or not rest:
                    if current in self.found:
                        break
                    self.found.add(current)
                if targets:
                    waiting += [_inside(f"{target}/{rest}") for target in reversed(targets)]
                    break

    def targets(self, path: str) -> list[str]:
        """Return where the link at ``path``, or those that it matches, lead to."""
        above, _, name = path.rpartition("/")
        if _is_wild(name):
            try:
                matches = compiled(name).matches
            except ContextInvalid:
                return []
            start = len(above) + 1 if above else 0
            entries = [one for one in self.tree.folder(above) if matches(one.path[start:])]
        else:
            entry = self.tree.entry(path) if path != "." else None
            entries = [entry] if entry else []
        return [
            _inside(one.link if one.link.startswith("/") else f"{above}/{one.link}")
            for one in entries
            if one.is_symlink
        ]


def _inside(path: str) -> str:
    """Return a path from the root of the tree; ".." ends there."""
    return clean("/" + path).lstrip("/") or "."


def _is_wild(name: str) -> bool:
    return re.search(r"[*?\[]", re.sub(r"\\.", "", name)) is not None
