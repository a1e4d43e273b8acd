"""`pushline state`: what held at any moment, and what was different at another one."""

from typing import Annotated, Any, TypeAlias

import msgspec
from cyclopts import Parameter
from rich.console import Console
from rich.text import Text

from bus.connection import connect
from edge.cli.moment import MOMENT, MomentOption
from edge.cli.operator import settings
from edge.cli.output import as_json, console, table
from edge.cli.state.folds import every
from edge.cli.state.reading import Change, between, sequence
from edge.cli.state.reading import state as folded
from edge.cli.state.rows import Noun, Row, StateUnknown, changes, chosen, fits
from edge.cli.where import HomeOption, JsonOption

HEADINGS = {"name": "PROJECT", "sha": "COMMIT"}  # fields that people call otherwise
WIDEST = 60  # characters of a value in a list or a difference

Diff: TypeAlias = Annotated[
    str, Parameter(help=f"What is different between --at and then: {MOMENT}.")
]


class RowAt(msgspec.Struct, frozen=True, kw_only=True):
    """One row as JSON: stable, an object a line."""

    name: str
    at: int  # the sequence it was true at
    row: Row


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One row at two sequences as JSON: stable, an object a line."""

    name: str
    first: int
    last: int
    before: Row | None
    after: Row | None
    changed: dict[str, tuple[Any, Any]]  # field to what it was and is
    events: list[int]  # that changed it, the newest 20


async def state(
    what: str,
    *,
    at: MomentOption = "",
    diff: Diff = "",
    json: JsonOption = False,
    home: HomeOption = None,
) -> int:
    """Show what held at a moment, folded from the log; nothing is changed.

    Parameters
    ----------
    what
        projects, runs, functions, routes or domains: all, or one as runs/RUN, functions/alice/shop.
        Any fold's own name is taken too.
    """
    noun, name = chosen(what)
    fold = every()[noun.fold]
    async with connect(settings(home), name="state") as bus:
        here = await sequence(bus, at)
        if diff:
            first, last = sorted((here, await sequence(bus, diff)))
            found = await between(bus, fold, first, last)
            wanted = [one for one in found if _fits(noun, name, one)]
            return _differences(noun, wanted, first, last, json=json)
        rows = await folded(bus, fold, here)
    picked = {key: row for key, row in sorted(rows.items()) if fits(noun, name, key, row)}
    if name and not picked:
        word = what.partition("/")[0]
        raise StateUnknown(
            f"at {here} there is no {name} among the {word}",
            hint=f"`pushline state {word} --at {here}` shows what there is",
        )
    return _rows(noun, picked, here, whole=bool(name), json=json)


def _rows(noun: Noun, rows: dict[str, Row], seq: int, *, whole: bool, json: bool) -> int:
    if json:
        as_json(RowAt(name=noun.name(key, row), at=seq, row=row) for key, row in rows.items())
    elif whole or not noun.shown:
        out = console()
        for key, row in rows.items():
            out.print(Text.assemble((noun.name(key, row), "bold"), (f"  at {seq}", "bright_black")))
            text = msgspec.json.format(msgspec.json.encode(row), indent=2).decode()
            out.print(Text("\n".join(f"  {line}" for line in text.splitlines()[1:-1])))
    else:
        cells = [
            (noun.name(key, row), *(_value(row.get(field)) for field in noun.shown))
            for key, row in rows.items()
        ]
        headings = ("NAME", *(HEADINGS.get(field, field.upper()) for field in noun.shown))
        table(headings, cells, empty=f"nothing at {seq}")
    return 0


def _differences(noun: Noun, found: list[Change], first: int, last: int, *, json: bool) -> int:
    """Print what is different; the code is 0 either way, as for every read."""
    out = console()
    for one in found:
        fields = list(changes(one.before, one.after)) if one.before and one.after else []
        if json:
            as_json([_as_json(noun, one, fields, first, last)])
        else:
            _show(out, _name(noun, one), one, fields)
    if not json:
        what = f"{len(found)} different" if found else "nothing is different"
        out.print(Text(f"{what} between {first} and {last}", style="bright_black"))
    return 0


def _as_json(
    noun: Noun, one: Change, fields: list[tuple[str, Any, Any]], first: int, last: int
) -> Difference:
    return Difference(
        name=_name(noun, one),
        first=first,
        last=last,
        before=one.before,
        after=one.after,
        changed={field: (old, new) for field, old, new in fields},
        events=[cause.seq for cause in one.causes],
    )


def _show(out: Console, name: str, one: Change, fields: list[tuple[str, Any, Any]]) -> None:
    sign, colour = ("+", "green") if one.before is None else ("~", "yellow")
    sign, colour = ("-", "red") if one.after is None else (sign, colour)
    out.print(Text(f"{sign} {name}", style=colour))
    width = max((len(field) for field, _, _ in fields), default=0)
    for field, old, new in fields:
        out.print(
            Text.assemble(
                (f"    {field:<{width}}  ", "bright_black"),
                (_value(old) or "nothing", "red"),
                " → ",
                (_value(new) or "nothing", "green"),
            )
        )
    said = ", ".join(f"{cause.seq} {cause.type.partition('/')[0]}" for cause in one.causes)
    out.print(Text(f"    by event {said}", style="bright_black"))


def _fits(noun: Noun, name: str, one: Change) -> bool:
    return any(
        row is not None and fits(noun, name, one.key, row) for row in (one.before, one.after)
    )


def _name(noun: Noun, one: Change) -> str:
    row = one.after if one.after is not None else one.before
    return noun.name(one.key, row or {})


def _value(value: Any) -> str:
    """Return a value as one short line."""
    if isinstance(value, str):
        text = value
    elif isinstance(value, list) and all(isinstance(each, str) for each in value):
        text = ", ".join(value)
    else:
        text = "" if value is None else msgspec.json.encode(value).decode()
    line = " ".join(text.split())
    return line if len(line) <= WIDEST else line[: WIDEST - 1] + "…"
