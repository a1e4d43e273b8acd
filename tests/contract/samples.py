"""Samples: one message of each tag ever released, subject, headers and body as they were stored."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from bus import envelope, streams
from bus.connection import Bus, connect
from bus.log import EVENTS
from bus.server import NatsServer
from schemas.catalog import BY_TAG
from schemas.envelope import Aggregate, Recorded
from schemas.events import Event
from schemas.events.run import RunQueued
from schemas.ids import run_id, tag_of
from tests.contract.examples import example

FOLDER: Final = Path(__file__).parent / "samples"
FORGE: Final = "github"
PROJECT: Final = "1296269"
NAME: Final = "alice/hello"
IN_PROJECTS: Final = ("branch", "function", "project", "pull", "run", "secret", "status")
RUN: Final = run_id("sample", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))


class Sample(msgspec.Struct, frozen=True):
    """One stored message; lines of headers end in CR LF on the wire."""

    subject: str
    headers: list[str]
    body: str

    @property
    def block(self) -> bytes:
        """Return the headers as the server keeps them."""
        return "\r\n".join(["NATS/1.0", *self.headers, "", ""]).encode()

    def read(self) -> Recorded[Event]:
        """Return the event that our code reads in it."""
        return envelope.to_event(
            self.subject, envelope.parse(self.block), self.body.encode(), seq=1
        )


def path(tag: str, folder: Path = FOLDER) -> Path:
    """Return where the sample of a tag lies."""
    return folder / f"{tag.replace('/', '-')}.json"


def stored() -> dict[str, Sample]:
    """Return the samples there are, by tag."""
    found = {}
    for file in sorted(FOLDER.glob("*.json")):
        name, _, version = file.stem.rpartition("-")
        found[f"{name}/{version}"] = msgspec.json.decode(file.read_bytes(), type=Sample)
    return found


def missing() -> list[str]:
    """Return the tags of the code that have no sample."""
    return [tag for tag in BY_TAG if not path(tag).exists()]


def problems() -> list[str]:
    """Return what is missing, with the command that records it."""
    record = "record one: python -m tests.contract record"
    return [f"{tag}: there is no sample of it; {record}" for tag in missing()]


def record(tags: Iterable[str], folder: Path = FOLDER) -> list[Path]:
    """Store a made-up fact of each tag in a log of its own, and keep what stands there."""
    return asyncio.run(_record([BY_TAG[tag] for tag in tags], folder))


async def _record(facts: list[type[Event]], folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    async with _log() as bus:
        cause = await _cause(bus)
        for fact in facts:
            of, id = _about(fact), f"sample:{cause.id}:{tag_of(fact).partition('/')[0]}"
            seq = await bus.log.append(example(fact), of=of, id=id, cause=cause, actor="sample")
            written.append(path(tag_of(fact), folder))
            written[-1].write_bytes(await _kept(bus, seq))
    return written


async def _cause(bus: Bus) -> Recorded[Event]:
    """Return an event that the others follow from: they take over its trace and name."""
    fact = example(RunQueued)
    of, id = Aggregate(FORGE, PROJECT, "run", RUN), "github:72d3162e-cc78-11e3-81ab-4c9367dc0958"
    await bus.log.append(fact, of=of, id=id, name=NAME, actor="github:alice")
    found = await bus.log.last(of, RunQueued)
    assert found is not None
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    return msgspec.structs.replace(found, trace=trace)


async def _kept(bus: Bus, seq: int) -> bytes:
    """Return a stored message as its sample's file."""
    message = await bus.js.message(EVENTS, seq=seq)
    assert message is not None
    lines = message.headers.decode().split("\r\n")
    sample = Sample(message.subject, lines[1:-2], message.body.decode())
    return msgspec.json.format(msgspec.json.encode(sample), indent=1) + b"\n"


def _about(fact: type[Event]) -> Aggregate:
    kind = tag_of(fact).partition(".")[0]
    project = PROJECT if kind in IN_PROJECTS else ""
    ids = {"run": RUN, "function": "production/hello", "project": "", "branch": "feature/größe"}
    return Aggregate(FORGE, project, kind, ids.get(kind, "sample"))


@asynccontextmanager
async def _log() -> AsyncIterator[Bus]:
    """Yield the bus of an empty log."""
    with tempfile.TemporaryDirectory(prefix="samples-") as folder:
        server = NatsServer(Path(folder))
        server.start()
        try:
            await streams.init(server.settings("init"))
            async with connect(server.settings("platform"), name="samples") as bus:
                yield bus
        finally:
            server.stop()
