"""GET info/refs: the refs there are and what this side can do (gitprotocol-http, "Smart")."""

from collections.abc import Iterator, Mapping
from typing import Final

from dulwich.object_store import DiskObjectStore
from dulwich.objects import ObjectID, Tag

from edge.git import commands, pktline, wants
from edge.git.names import HEADS, TAGS, Service
from edge.git.repository import Repository
from schemas.ids import ZERO_SHA

DEEPEST: Final = 10  # tags of tags


def advertise(repository: Repository, service: Service) -> bytes | None:
    """Return the refs for one service; None for a fetch from a repository that is not there."""
    state = repository.read()
    live = state.live() if state else {}
    if service == "git-receive-pack":
        return _with(service, live, commands.CAPABILITIES)
    if state is None:
        return None
    capabilities = wants.CAPABILITIES
    shown: dict[str, str] = {}
    head = HEADS + state.default_branch
    if head in live:
        shown["HEAD"] = live[head]
        capabilities += f" symref=HEAD:{head}".encode()
    with repository.packs_kept(), repository.store() as store:
        for name, sha in live.items():
            shown[name] = sha
            if name.startswith(TAGS) and (peeled := _peeled(store, sha)) != sha:
                shown[f"{name}^{{}}"] = peeled
    return _with(service, shown, capabilities)


def _with(service: Service, refs: Mapping[str, str], capabilities: bytes) -> bytes:
    first = pktline.lines([f"# service={service}\n".encode()])
    return first + pktline.lines(_lines(refs or {"capabilities^{}": ZERO_SHA}, capabilities))


def _lines(refs: Mapping[str, str], capabilities: bytes) -> Iterator[bytes]:
    for number, (name, sha) in enumerate(refs.items()):
        more = b"" if number else b"\0" + capabilities
        yield f"{sha} {name}".encode() + more + b"\n"


def _peeled(store: DiskObjectStore, sha: str) -> str:
    """Return what a tag names in the end, itself for one without an object of its own."""
    thing = store[ObjectID(sha.encode())]
    for _ in range(DEEPEST):
        if not isinstance(thing, Tag):
            break
        thing = store[thing.object[1]]
    return thing.id.decode()
