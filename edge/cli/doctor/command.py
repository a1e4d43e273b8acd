"""`pushline doctor`: try each part, and print what was found."""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import chain
from pathlib import Path
from typing import Final

from rich.table import Table
from rich.text import Text

from bus.server import credentials
from bus.settings import BusSettings
from edge.cli import apart, home, logs, settings
from edge.cli.doctor import (
    audit,
    blobs,
    build,
    cluster,
    customers,
    edge,
    gateway,
    github,
    gitlab,
    keys,
    log,
    machine,
    recovery,
    signing_in,
    statuses,
)
from edge.cli.doctor import home as homes
from edge.cli.doctor.finding import Check, Finding, State, Subject
from edge.cli.home import Home, NotRunning
from edge.cli.output import as_json, console, table
from edge.cli.settings import Settings
from edge.cli.where import HomeOption, JsonOption

CHECKS: Final[tuple[Check, ...]] = tuple(
    chain(
        homes.CHECKS,
        machine.CHECKS,
        log.CHECKS,
        edge.CHECKS,
        customers.CHECKS,
        signing_in.CHECKS,
        github.CHECKS,
        gitlab.CHECKS,
        statuses.CHECKS,
        recovery.CHECKS,
        blobs.CHECKS,
        keys.CHECKS,
        audit.CHECKS,
        build.CHECKS,
        gateway.CHECKS,
        cluster.CHECKS,
    )
)
WORDS: Final[dict[State, str]] = {"ok": "ok", "warn": "look", "fail": "wrong", "off": "not tried"}
COLOURS: Final[dict[State, str]] = {
    "ok": "green",
    "warn": "yellow",
    "fail": "bold red",
    "off": "bright_black",
}


def doctor(*, json: JsonOption = False, home: HomeOption = None) -> int:
    """Try each configured part for real, and say what is wrong and how to mend it.

    The log, the blobs, BuildKit, the registry, the gateway, the home, this machine: each is used
    as Pushline uses it, with the same settings and passwords, and nothing is left behind. The exit
    code is 1 when a part does not work.
    """
    logs.of_command(logging.CRITICAL)  # what goes wrong on the way is in the report
    subject = _subject(home)
    found = asyncio.run(_tried(subject, CHECKS))
    if json:
        as_json(found)
    else:
        _print(found)
    return 1 if any(each.state == "fail" for each in found) else 0


def _subject(option: Path | None) -> Subject:
    chosen, _, environ = settings.current()
    place = Home(option.expanduser().resolve() if option else settings.home_of(chosen, environ))
    if option is None and chosen.nats_url:
        bus = apart.log_of(chosen, "platform", place.path)
        return Subject(chosen, place.path, {bus.user: bus}, apart.endpoint(chosen))
    return _of_up(chosen, place)


def _of_up(chosen: Settings, place: Home) -> Subject:
    """Return what is looked at where an ``up`` runs, or none."""
    with contextlib.suppress(NotRunning):
        at = home.endpoint(place)
        roles: Mapping[str, BusSettings] = {
            role: BusSettings(nats_url=at.log, user=role, password=password, home=place.path)
            for role, password in credentials(place.path / "nats" / "credentials.json").items()
        }
        return Subject(chosen, place.path, roles, at)
    return Subject(chosen, place.path, {})


async def _tried(subject: Subject, checks: Iterable[Check]) -> list[Finding]:
    """Run all checks beside each other; none can keep another waiting."""
    return list(await asyncio.gather(*(check.run(subject) for check in checks)))


def _print(found: list[Finding]) -> None:
    out = console()
    if not out.is_terminal:
        rows = [(each.check, WORDS[each.state], each.says, each.cure) for each in found]
        table(("check", "state", "what", "cure"), rows, empty="nothing was tried")
        return
    shown = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    shown.add_column(no_wrap=True)
    shown.add_column(no_wrap=True)
    shown.add_column(overflow="fold")
    for each in found:
        says = Text(each.says, style="bright_black" if each.state == "off" else "")
        if each.cure:
            says.append(f"\n{each.cure}", style="italic")
        shown.add_row(Text(WORDS[each.state], style=COLOURS[each.state]), each.check, says)
    out.print(shown)
    counted = Counter(each.state for each in found)
    parts = [f"{counted[state]} {word}" for state, word in WORDS.items() if counted[state]]
    out.print(Text(", ".join(parts)))
