"""Standard output, files and objects: whole lines, in order, none lost."""

import asyncio
import fcntl
import os
import threading
from pathlib import Path

import pytest

from bus.objects import DirectoryObjects
from bus.s3 import Bucket, S3Objects
from consumers.audit.record import checked
from consumers.audit.sinks import NotTaken, rotating, stdout
from consumers.audit.sinks.objects import ObjectSink, key
from consumers.audit.sinks.rotating import FileSink
from consumers.audit.sinks.settings import S3, File
from consumers.audit.sinks.stdout import StdoutSink
from tests.bus.workers import eventually
from tests.consumers.audit.chain import chain
from tests.consumers.audit.sinks.running import Growing
from tests.heavy.store import BUCKET, Store


async def test_standard_output_that_nobody_reads_blocks_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A full pipe is a refusal; read again, each line is there once and whole."""
    monkeypatch.setattr(stdout, "PATIENCE", 0.02)
    ours, theirs = os.pipe()
    fcntl.fcntl(theirs, fcntl.F_SETPIPE_SZ, 4096)
    lines, sink, got = chain(40), StdoutSink(theirs), bytearray()

    with pytest.raises(NotTaken, match="nobody reads"):
        await sink.take(lines)

    def read() -> None:
        while piece := os.read(ours, 700):
            got.extend(piece)

    reading = threading.Thread(target=read)
    reading.start()
    while True:
        try:
            await sink.take(lines)
        except NotTaken:
            continue
        break
    os.close(theirs)
    await asyncio.to_thread(reading.join)
    os.close(ours)

    assert bytes(got) == b"".join(line.text + b"\n" for line in lines)


async def test_a_file_is_turned_over_and_the_oldest_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No file is over its size, none is torn, so many are kept."""
    monkeypatch.setattr(rotating, "MIB", 1000)
    sink = FileSink(File(name="f", path=str(tmp_path / "out" / "a.jsonl"), rotate_mib=1, keep=2))

    for line in chain(9):
        await sink.take([line])

    files = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert files == ["a.jsonl", "a.jsonl.1", "a.jsonl.2"]
    order = [tmp_path / "out" / name for name in ("a.jsonl.2", "a.jsonl.1", "a.jsonl")]
    seqs = [checked(text, None).seq for path in order for text in path.read_bytes().splitlines()]
    assert seqs == list(range(seqs[0], 10))
    assert all(path.stat().st_size <= 1000 for path in order)


async def test_a_torn_line_stays_apart(tmp_path: Path) -> None:
    """What a full disk left half written is one bad line, and the next one is whole."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"seq":1,"ti')
    lines = chain(2)

    await FileSink(File(name="f", path=str(path))).take(lines)

    assert path.read_bytes().splitlines()[1:] == [line.text for line in lines]


async def test_objects_hold_whole_ranges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often it stops, each record is in the one object of its range, once."""
    monkeypatch.setattr("consumers.audit.sinks.objects.RANGE", 10)
    store = DirectoryObjects(tmp_path / "objects")
    settings = S3(name="archive", bucket="b", seconds=0.1, begin="first")
    growing = Growing(tmp_path / "record.jsonl")
    for size in (7, 6, 12):
        await growing.grow(size)
        async with growing.sending((settings, ObjectSink(settings, store))):
            await eventually(lambda: _in(tmp_path / "objects") == growing.file.seq)

    names = sorted(path.name for path in (tmp_path / "objects" / "audit").iterdir())
    assert names[0] == key("", 1).strip("/")
    bodies = [(tmp_path / "objects" / "audit" / name).read_bytes() for name in names]
    assert [body.count(b"\n") for body in bodies] == [10, 10, 5]
    assert b"".join(bodies) == growing.file.path.read_bytes()


def _in(folder: Path) -> int:
    return sum(path.read_bytes().count(b"\n") for path in folder.rglob("*.jsonl"))


async def test_a_bucket_gets_them(tmp_path: Path, s3: Store) -> None:
    """A real S3 store; while it is away the sink waits, and then goes on."""
    given = s3.settings()
    settings = S3(
        name="archive", bucket=BUCKET, prefix=f"audit/{tmp_path.name}", endpoint=given.url,
        access_key=given.access_key, secret_key=given.secret_key, seconds=0.1, begin="first",
    )  # fmt: skip
    growing = Growing(tmp_path / "record.jsonl")
    await growing.grow(3)
    reading = S3Objects(Bucket(given))
    async with growing.sending((settings, ObjectSink(settings))):
        name = key(settings.prefix, 1)
        await _holds(reading, name, growing)
        await growing.grow(2)
        await _holds(reading, name, growing)

    assert given.secret_key not in repr(settings)


async def _holds(objects: S3Objects, name: str, growing: Growing) -> None:
    """Wait until an object is what the record is."""
    async with asyncio.timeout(30):
        while not await objects.has(name) or (  # noqa: ASYNC110 - a store tells nobody
            await objects.read(name) != growing.file.path.read_bytes()
        ):
            await asyncio.sleep(0.05)
