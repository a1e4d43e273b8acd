"""`pushline explain`: what an error code means, and what to do about it."""

import difflib
from typing import Annotated

from cyclopts import Parameter
from rich.text import Text

from edge.cli.explain.source import Code, codes
from edge.cli.output import as_json, console, table
from edge.cli.where import JsonOption
from schemas.errors import PushlineError

SHOWN = 5  # names in a hint


class CodeUnknown(PushlineError):
    """No error has this code."""

    code = "code_unknown"


def explain(
    code: Annotated[str, Parameter(help="As an error, a dead letter or the API tells it.")] = "",
    *,
    json: JsonOption = False,
) -> int:
    """Say what an error code means, and what to do about it; without one, list them all."""
    known = codes()
    if not code:
        _list(list(known.values()), json=json)
        return 0
    if code not in known:
        near = difflib.get_close_matches(code, known, SHOWN)
        hint = f"did you mean {', '.join(near)}?" if near else "`pushline explain` lists all"
        raise CodeUnknown(f"no error has the code {code}", hint=hint)
    found = known[code]
    if json:
        as_json([found])
        return 0
    out = console()
    out.print(Text.assemble((found.code, "bold"), f"  {found.meaning}"))
    for cure in found.cures:
        out.print(Text.assemble(("  cure  ", "bright_black"), cure))
    if found.again:
        out.print(Text("  again  a worker that meets it tries again by itself", "bright_black"))
    return 0


def _list(found: list[Code], *, json: bool) -> None:
    found.sort(key=lambda one: one.code)
    if json:
        as_json(found)
        return
    rows = [(one.code, Text(one.meaning)) for one in found]
    table(("CODE", "MEANING"), rows, empty="no codes")
