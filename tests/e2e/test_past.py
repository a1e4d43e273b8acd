"""The past of a whole Pushline: what is rebuilt from the log is what was there."""

import asyncio
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bus.connection import Bus, connect
from bus.fold import Fold, Snapshot
from bus.server import NatsServer
from edge.cli.state.folds import every
from tests.laptop import Laptop, commit, laptop, repository, saying

STACK = """\
version: 1.0
provider:
  name: openfaas
functions:
  hello:
    lang: python3-http
    handler: ./hello
  other:
    lang: python3-http
    handler: ./hello
"""
AWAY = {"followed", "customers", "secret-copies"}  # what a laptop by itself has no need of


def lived(here: Laptop, work: Path) -> None:
    """Push, stop, go on from the snapshots, fail, push again."""
    repository(work, {"hello/handler.py": saying("version 1")}, STACK)
    here.push(work)
    here.stop()
    here.start()
    commit(work, {"hello/handler.py": "this is no Python"})
    with here.pushing(work) as git:  # a revision that does not become ready
        git.communicate(timeout=60)
    commit(work, {"hello/handler.py": saying("version 2")})
    here.push(work)


def kept(here: Laptop) -> dict[str, Snapshot]:
    """Return the snapshots on disk by the name of their fold."""
    return {
        path.stem: msgspec.json.decode(path.read_bytes(), type=Snapshot)
        for path in (here.home / "snapshots").glob("*.json")
    }


async def rebuilt(bus: Bus, fold: Fold[Any], seq: int) -> Fold[Any]:
    """Return the fold as it is when the log is read from its first event."""
    async for batch in bus.follow.batches(after=0, until=seq):
        fold.apply(batch)
    return fold


async def compare(home: Path, snapshots: dict[str, Snapshot]) -> list[str]:
    """Return the folds whose rows are not what the log makes of them."""
    wrong, folds, server = [], every(), NatsServer(home)
    server.start()
    try:
        async with connect(server.settings("operator"), name="test") as bus:
            for name, snapshot in snapshots.items():
                fold = await rebuilt(bus, folds[name], snapshot.seq)
                live = msgspec.json.decode(snapshot.rows)
                if live != msgspec.json.decode(msgspec.json.encode(fold.rows)) or not fold.seq:
                    wrong.append(name)
    finally:
        server.stop()
    return wrong


@pytest.mark.timeout(240)
def test_history_is_what_was(tmp_path: Path) -> None:
    """All folds rebuilt from the first event equal the live ones; `state` shows each moment.

    The live ones went on from their snapshots after a stop; none of them is left out.
    """
    with laptop(tmp_path) as here:
        lived(here, tmp_path / "work")

        [first, *_] = [e for e in here.events() if e["type"] == "function.deployed/1"]
        seq, revision = first["seq"], first["fact"]["revision"]
        name = first["fact"]["function"]
        function = f"functions/alice/{name}"
        then = json.loads(here.pushline("state", function, "--at", str(seq), "--json"))
        shown = json.loads(
            here.pushline("functions", "show", f"alice/{name}", "--at", str(seq), "--json")
        )
        since = json.loads(
            here.pushline("state", function, "--at", str(seq), "--diff", "0s", "--json")
        )

        assert then["at"] == seq
        assert then["row"]["revision"] == shown["revision"] == revision
        assert then["row"]["revision"] == since["before"]["revision"] == revision
        assert since["after"]["revision"] != revision
        assert since["events"][0] > seq

        here.stop()
        snapshots = kept(here)
        assert set(every()) - set(snapshots) <= AWAY
        assert set(snapshots) - set(every()) == set()
        assert len(json.loads(bytes(snapshots["api-runs"].rows))) == 3
        assert asyncio.run(compare(here.home, snapshots)) == []
