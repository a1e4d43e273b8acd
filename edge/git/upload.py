"""POST git-upload-pack: negotiation, then the pack, made as it is sent."""

from collections.abc import AsyncGenerator, Generator, Iterable
from contextlib import ExitStack
from itertools import islice
from typing import IO, Final

from dulwich.object_store import DiskObjectStore
from dulwich.objects import ObjectID
from dulwich.pack import PackChunkGenerator, generate_unpacked_objects

from bus.blocking import run_blocking
from edge.git import pktline
from edge.git.errors import ProtocolBroken
from edge.git.history import Boundary, History
from edge.git.names import TAGS
from edge.git.repository import Repository
from edge.git.wants import Wants, parse

PIECE: Final = pktline.LONGEST - 5  # bytes that fill a packet of the side-band
BATCH: Final = 4  # pieces per turn in a thread


async def upload(file: IO[bytes], repository: Repository) -> AsyncGenerator[bytes, None]:
    """Yield the answer to the request in ``file``; the objects stay on disk until their turn."""
    source = _answer(file, repository)
    try:
        while batch := await run_blocking(_batch, source):
            yield batch
    finally:
        await run_blocking(source.close)


def _batch(source: Iterable[bytes]) -> bytes:
    return b"".join(islice(source, BATCH))


def _answer(file: IO[bytes], repository: Repository) -> Generator[bytes, None, None]:
    try:
        asked = parse(file)
        if not asked.wants:
            return
        with ExitStack() as stack:
            stack.enter_context(repository.packs_kept())
            store = stack.enter_context(repository.store())
            state = repository.read()
            live = state.live() if state else {}
            history = History(store)
            history.check_wants({sha.encode() for sha in live.values()}, asked)
            cut = history.boundary(asked)
            yield _shallow(asked, cut)
            common = [id for id in asked.haves if history.has(id)]
            acks, ready = negotiate(asked, history)
            yield acks
            if not ready:
                return
            tags = [sha.encode() for name, sha in live.items() if name.startswith(TAGS)]
            wanted = tags if b"include-tag" in asked.capabilities else []
            yield from _pack(store, asked, history.missing(asked, common, cut, wanted))
    except ProtocolBroken as error:
        yield pktline.line(f"ERR {error.message}".encode())


def _shallow(asked: Wants, cut: Boundary) -> bytes:
    """Return where the history is cut off; without ``deepen`` there is no such part."""
    if not asked.depth:
        return b""
    gone = [b"unshallow " + id for id in sorted(cut.unshallow)]
    return pktline.lines([*(b"shallow " + id for id in sorted(cut.shallow)), *gone])


def negotiate(asked: Wants, history: History) -> tuple[bytes, bool]:
    """Return what is said of the client's haves, and whether the pack comes next.

    As git's upload-pack does over HTTP; without multi_ack_detailed one ACK is all there is.
    """
    detailed = b"multi_ack_detailed" in asked.capabilities
    said: list[bytes] = []
    common: list[bytes] = []
    for number, haves in enumerate(asked.rounds):
        last = asked.done and number == len(asked.rounds) - 1
        for have in haves:
            if history.has(have):
                common.append(have)
                if detailed:
                    said.append(b"ACK %s common\n" % have)
                elif len(common) == 1:
                    said.append(b"ACK %s\n" % have)
        if last:
            break
        ready = detailed and history.satisfied(asked, common)
        if ready:
            said.append(b"ACK %s ready\n" % common[-1])
        if detailed or not common:
            said.append(b"NAK\n")
        if ready and b"no-done" in asked.capabilities:
            said.append(b"ACK %s\n" % common[-1])
            return _said(said), True
    if asked.done and not common:
        said.append(b"NAK\n")
    elif asked.done and detailed:
        said.append(b"ACK %s\n" % common[-1])
    return _said(said), asked.done


def _said(lines: Iterable[bytes]) -> bytes:
    return b"".join(map(pktline.line, lines))


def _pack(
    store: DiskObjectStore, asked: Wants, objects: list[ObjectID]
) -> Generator[bytes, None, None]:
    """Yield the pack, in the side-band where the client takes one."""
    banded = b"side-band-64k" in asked.capabilities
    if banded and b"no-progress" not in asked.capabilities:
        yield pktline.band(pktline.PROGRESS, b"sending %d objects\n" % len(objects))
    records = generate_unpacked_objects(store, [(id, None) for id in objects], deltify=False)
    chunks = PackChunkGenerator(store.object_format, num_records=len(objects), records=records)
    for piece in _gathered(chunks):
        yield pktline.band(pktline.PACK_DATA, piece) if banded else piece
    if banded:
        yield pktline.FLUSH


def _gathered(chunks: Iterable[bytes]) -> Generator[bytes, None, None]:
    """Yield the chunks in pieces that fill a packet; an object's header is a chunk of its own."""
    held = bytearray()
    for chunk in chunks:
        held += chunk
        if len(held) >= PIECE:
            yield bytes(held)
            held.clear()
    if held:
        yield bytes(held)
