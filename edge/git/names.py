"""Names that may become folders, subjects and URLs: strict, for they come from outside."""

import re
from typing import Final, Literal, cast, get_args

import msgspec
from dulwich.refs import Ref, check_ref_format

HEADS: Final = "refs/heads/"
TAGS: Final = "refs/tags/"
REF_LIMIT: Final = 200  # bytes; a file system takes 255 for each part of a path

Service = Literal["git-upload-pack", "git-receive-pack"]
SERVICES: Final = get_args(Service)

_PATH: Final = re.compile(
    r"/git/(?P<owner>[a-z0-9][a-z0-9._-]{0,38})/(?P<name>[a-z0-9][a-z0-9._-]{0,63}?)(?:\.git)?"
    r"/(?P<what>info/refs|git-upload-pack|git-receive-pack)"
)
_BAD_PART: Final = re.compile(r"\.\.|\.$|\.git$|\.lock$")


class Target(msgspec.Struct, frozen=True):
    """What one request is about."""

    owner: str
    name: str
    what: Literal["info/refs"] | Service

    @property
    def project(self) -> str:
        """Return the project's id, ``owner/name``."""
        return f"{self.owner}/{self.name}"


def target(path: str) -> Target | None:
    """Return what a request path names, None for anything we would not make a folder of.

    Letters, digits, ``-`` ``_`` and single inner dots; upper case means lower case.
    """
    found = _PATH.fullmatch(path.lower() if path.isascii() else "")
    if not found or any(map(_BAD_PART.search, found.group("owner", "name"))):
        return None
    what = cast('Literal["info/refs"] | Service', found["what"])
    return Target(found["owner"], found["name"], what)


def ref_problem(name: str) -> str:
    """Return why a pushed ref name is not taken, nothing when it is."""
    if not name.startswith((HEADS, TAGS)):
        return "only branches and tags are stored here"
    raw = name.encode("utf-8", "surrogateescape")
    if len(raw) > REF_LIMIT:
        return f"the name has more than {REF_LIMIT} bytes"
    if not name.isprintable() or not check_ref_format(Ref(raw)):
        return "not a valid ref name"
    return ""


def branch_of(ref: str) -> str:
    """Return the branch a ref names, nothing for a tag."""
    return ref.removeprefix(HEADS) if ref.startswith(HEADS) else ""
