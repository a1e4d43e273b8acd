"""`pushline reconcile`, as an operator types it, beside a recovery whose forge has nothing."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest

from bus.connection import Bus
from consumers.customers.consumer import record
from consumers.customers.listing import parse
from consumers.forges import customers
from consumers.forges.asking import ForgeUnavailable
from consumers.recovery.consumer import Pace, Recovery, keep_recovered
from consumers.recovery.finding import Findings
from consumers.recovery.forge import Made, Move, Named, Seen, Sent, Turn, Update
from consumers.recovery.known import Known, Project
from edge.cli.main import run
from tests.edge.cli.operating import House, house


class Empty:
    """A forge where nothing is; ``away``: it gives no answer."""

    name: ClassVar[str] = "github"

    def __init__(self) -> None:
        """Be there."""
        self.away = False

    async def tagged(self) -> Mapping[str, Seen]:
        """Show nothing."""
        if self.away:
            raise ForgeUnavailable("GitHub answered 502 to GET /app")
        return {}

    async def look(self, known: Project, named: Named | None) -> Seen | None:
        """Show nothing."""
        raise AssertionError((known, named))

    async def sent(self, known: Mapping[str, Project], after: int) -> AsyncIterator[Sent]:
        """Say that nothing was sent, neither of projects nor after a position."""
        assert (known, after) == ({}, 0)
        for sent in list[Sent]():
            yield sent

    async def delivery(self, sent: Sent) -> Made | None:
        """Have none."""
        raise AssertionError(sent)

    def push(self, seen: Seen, move: Move) -> Made:
        """Tell nothing."""
        raise AssertionError((seen, move))

    def pull(self, seen: Seen, turn: Turn) -> Made:
        """Tell nothing."""
        raise AssertionError((seen, turn))

    def update(self, seen: Seen, update: Update) -> Made:
        """Tell nothing."""
        raise AssertionError((seen, update))


async def recovering(bus: Bus, forge: Empty, stopping: asyncio.Event) -> None:
    """Run recovery and the folds that it decides by; it compares by itself once an hour."""
    known, listed = Known.kept(), customers.fold("customers")

    async def caught_up() -> bool:
        return True

    recovery = Recovery(
        forge,
        None,
        events=bus.log,
        findings=Findings(forge.name, bus.log, bus.deliveries),
        known=known,
        customers=listed,
        caught_up=caught_up,
        born=datetime.fromisoformat(bus.born),
        pace=Pace(every=3600.0, settle=0.0),
    )
    folds: tuple[Any, ...] = (*known.all(), listed)
    async with AsyncExitStack() as stack:
        for fold in folds:
            stack.callback(asyncio.create_task(fold.run(bus.follow)).cancel)
        await record(bus.log, listed, parse("*"))
        await keep_recovered((recovery,), bus.log, bus.follow, stopping)


def test_an_operator_has_the_forges_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What comes of the very request is told, with exit code 1 where the forge gave no answer."""
    with house(tmp_path) as here:
        forge = Empty()
        assert run(["reconcile", "--home", str(here.home.path)]) == 1
        assert "never compared" in capsys.readouterr().err

        with here.beside(lambda bus, stopping: recovering(bus, forge, stopping)):
            _wait_for_the_first(here)
            arguments = ["reconcile", "--json", "--home", str(here.home.path)]
            assert run(arguments) == 0
            first = json.loads(capsys.readouterr().out)
            forge.away = True
            assert run(arguments) == 1
            second = json.loads(capsys.readouterr().out)

    assert (first["forge"], first["reason"]) == ("github", "")
    assert second["reason"] == "GitHub answered 502 to GET /app"
    assert second["sequence"] > first["sequence"]


def _wait_for_the_first(here: House) -> None:
    async def compared(bus: Bus) -> None:
        async with asyncio.timeout(20):
            async for _ in bus.follow.events(
                after=0, filter="ev.github.=.reconciliation.=.finished"
            ):
                return

    here.do(compared)
