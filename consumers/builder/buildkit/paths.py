"""Paths as Go cleans, orders and splits them; what lies between two slashes may be any bytes."""

import os
import posixpath


def clean(path: str) -> str:
    """Return the shortest path that means the same; "." for an empty one."""
    cleaned = posixpath.normpath(path)
    return "/" + cleaned.lstrip("/") if cleaned.startswith("//") else cleaned


def by_name(name: str) -> bytes:
    """Return the key by which the entries of one folder are sorted: their bytes."""
    return os.fsencode(name)


def by_path(path: str) -> list[bytes]:
    """Return the key by which whole paths are sorted: a folder, what is in it, what comes after."""
    return os.fsencode(path).split(b"/")


def relative(path: str) -> str | None:
    """Return a path within its root, "" for the root itself, None where it leads out of it."""
    cleaned = clean(path.lstrip("/"))
    if cleaned == ".":
        return ""
    return None if cleaned == ".." or cleaned.startswith("../") else cleaned
