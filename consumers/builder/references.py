"""What images are called: the predecessor's rule, keyed on the function.

``<registry>/<owner>/<repo>-<function>:latest-<branch>-<sha7>``, and for a registry with one path
for all (it ends in "/") ``<registry>/<owner>-<repo>-<function>``. Parts that are joined by "-" have
"_" for their own dashes, save the repository's: so the last dash stands before the function and a
shared path's first one behind the owner, and no two functions have one name.
"""

import hashlib
import re
from collections.abc import Sequence
from typing import Final

import msgspec

from consumers.builder.images import Order
from schemas.errors import SettingInvalid
from schemas.ids import Digest

TAG: Final = 128  # characters of a tag
LONGEST: Final = 180  # characters of a repository; with host and path clients take 255

# As narrow as the strictest registry; what does not fit gets "__" and a hash, which fits here not.
_COMPONENT = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
_DASHED = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_REGISTRY = re.compile(
    r"(?P<host>[a-zA-Z0-9.-]+|\[[0-9a-fA-F:]+\])(?P<port>:\d{1,5})?(?P<path>(/[a-z0-9._/-]*)?)"
)


class Registry(msgspec.Struct, frozen=True):
    """Where images lie: a host, and the path that all of ours have in common."""

    host: str
    path: str = ""  # without slashes around it
    shared: bool = False  # no folder for each owner

    def repository(self, name: str) -> str:
        """Return the path of a repository at this host."""
        return f"{self.path}/{name}" if self.path else name

    def holds(self, path: str) -> bool:
        """Tell whether a repository's path is one of ours."""
        return not self.path or path.startswith(f"{self.path}/")


def registry(setting: str) -> Registry:
    """Return the registry of a setting, HOST[:PORT][/PATH][/]; raises SettingInvalid."""
    found = _REGISTRY.fullmatch(setting.lower())
    path = (found["path"] if found else "").removeprefix("/").removesuffix("/")
    if found is None or not all(map(_COMPONENT.fullmatch, path.split("/") if path else ())):
        raise SettingInvalid(
            f"{setting!r} names no registry",
            hint="write HOST, HOST:PORT or HOST:PORT/PATH, such as registry:5000/functions/",
        )
    return Registry(found["host"] + (found["port"] or ""), path, shared=setting.endswith("/"))


def repository(owner: str, name: str, function: str, *, shared: bool) -> str:
    """Return the name of a function's repository within a registry."""
    if shared:
        whole = f"{_undashed(owner)}-{_component(name)}-{_undashed(function)}"
    else:
        folders = map(_component, owner.lower().split("/"))  # a GitLab group may have several
        whole = "/".join([*folders, f"{_component(name)}-{_undashed(function)}"])
    if len(whole) <= LONGEST:
        return whole
    digest = hashlib.sha256(whole.encode()).hexdigest()[:32]
    return f"{whole[: LONGEST - 34].rstrip('._-/')}__{digest}"


def tag(branch: str, sha: str) -> str:
    """Return the tag of what was built of a commit."""
    short = sha[:7].lower()
    room = TAG - len(f"latest--{short}")
    slug = re.sub(r"[^a-z0-9_.-]+", "-", branch.lower())[:room]
    return f"latest-{slug}-{short}"


def key_tag(parts: Sequence[str]) -> str:
    """Return the tag under which an image of just these ingredients is found again."""
    return "a-" + hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


class Names(msgspec.Struct, frozen=True):
    """The names of one function's images, where they are pushed to and where they are pulled."""

    push: Registry
    pull: Registry
    repository: str  # within either
    tag: str

    @property
    def pushed(self) -> str:
        """Return the path of the repository where it is pushed to."""
        return self.push.repository(self.repository)

    @property
    def target(self) -> str:
        """Return what to push."""
        return f"{self.push.host}/{self.pushed}:{self.tag}"

    def cache(self, function: str) -> str:
        """Return where a function's build cache lies."""
        return f"{self.push.host}/{self.pushed}:cache-{function}"

    def reference(self, digest: Digest) -> str:
        """Return what to pull: that very image, whatever its tag says later."""
        return f"{self.pull.host}/{self.pull.repository(self.repository)}@{digest}"


def names(order: Order, push: Registry, pull: Registry) -> Names:
    """Return what the image of an order is called."""
    owner, name = order.repository.owner, order.repository.name
    whole = repository(owner, name, order.spec.name, shared=push.shared)
    return Names(push=push, pull=pull, repository=whole, tag=tag(order.branch, order.sha))


def _component(text: str) -> str:
    lower = text.lower()
    return lower if _COMPONENT.fullmatch(lower) else _hashed(lower)


def _undashed(text: str) -> str:
    lower = text.lower()
    return lower.replace("-", "_") if _DASHED.fullmatch(lower) else _hashed(lower)


def _hashed(text: str) -> str:
    slug = re.sub(r"[^a-z0-9]+", "_", text)[:60].strip("_") or "x"
    return f"{slug}__{hashlib.sha256(text.encode()).hexdigest()[:12]}"
