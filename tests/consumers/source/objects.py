"""Commits made by hand, for what git itself would refuse to make."""

import hashlib
from collections.abc import Mapping

from consumers.source.limits import Deadline, SourceSettings
from consumers.source.pack import Objects
from consumers.source.tree import Tree

LIMITS = SourceSettings()
LINK, PROGRAM, MODULE = "120000", "100755", "160000"

Files = Mapping[str, "bytes | tuple[str, bytes]"]  # path → content, or (mode, content)


def add(objects: Objects, kind: bytes, body: bytes) -> str:
    """Keep an object; return its id."""
    sha = hashlib.sha1(kind + b" %d\0" % len(body) + body).hexdigest()  # noqa: S324 - git's
    objects[sha] = kind, body
    return sha


def folder(objects: Objects, entries: list[tuple[str, bytes, str]]) -> str:
    """Keep a tree of (mode, name, id), in the order given."""
    body = b"".join(
        mode.encode() + b" " + name + b"\0" + bytes.fromhex(sha) for mode, name, sha in entries
    )
    return add(objects, b"tree", body)


def commit(objects: Objects, tree: str) -> str:
    """Keep a commit of a tree."""
    return add(objects, b"commit", f"tree {tree}\nauthor a <a@b> 0 +0000\n\nx\n".encode())


def tree_of(files: Files, limits: SourceSettings = LIMITS, *, backwards: bool = False) -> Tree:
    """Return the tree of files by path; ``backwards`` stores each folder the other way round."""
    objects: Objects = {}

    def made(below: dict[str, tuple[str, bytes]]) -> str:
        here: dict[str, tuple[str, str]] = {}
        deeper: dict[str, dict[str, tuple[str, bytes]]] = {}
        for path, (mode, body) in below.items():
            name, slash, rest = path.partition("/")
            if slash:
                deeper.setdefault(name, {})[rest] = mode, body
            else:
                sha = "1" * 40 if mode == MODULE else add(objects, b"blob", body)
                here[name] = mode, sha
        here |= {name: ("40000", made(inner)) for name, inner in deeper.items()}
        rows = [(mode, name.encode(), sha) for name, (mode, sha) in sorted(here.items())]
        return folder(objects, rows[::-1] if backwards else rows)

    full = {
        path: value if isinstance(value, tuple) else ("100644", value)
        for path, value in files.items()
    }
    return Tree(commit(objects, made(full)), objects, limits, Deadline(60))


def raw_tree(name: bytes, limits: SourceSettings = LIMITS) -> Tree:
    """Return a tree with one file of any name at all."""
    objects: Objects = {}
    blob = add(objects, b"blob", b"x")
    top = folder(objects, [("100644", name, blob)])
    return Tree(commit(objects, top), objects, limits, Deadline(60))
