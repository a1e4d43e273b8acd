"""`pushline context`: which Pushline the users' commands go to."""

import os
import sys
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

from edge.cli import contexts
from edge.cli.contexts import Context, Contexts
from edge.cli.output import as_json, table, when
from edge.cli.where import JsonOption

app = App(name="context", help="Choose the Pushline that commands go to.")

LOCAL = "-"  # the home of this machine, in place of a name


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A context without its token."""

    name: str
    url: str
    login: str
    until: str
    current: bool


@app.command
def ls(*, json: JsonOption = False) -> int:
    """List contexts; `pushline login URL` makes one."""
    known = contexts.read(contexts.file_of(os.environ))
    shown = [_shown(name, known.contexts[name], known) for name in sorted(known.contexts)]
    if json:
        as_json(shown)
        return 0
    rows = [("*" if row.current else "", row.name, row.url, row.login, row.until) for row in shown]
    table(("", "CONTEXT", "URL", "AS", "UNTIL"), rows, empty="no contexts: pushline login URL")
    return 0


@app.command
def use(
    name: Annotated[str, Parameter(help="Of `context ls`; -: the home of this machine.")],
) -> int:
    """Have commands go there from now on, unless they are told otherwise."""
    with contexts.changing(contexts.file_of(os.environ)) as change:
        change.to(change.now.using("" if name == LOCAL else name))
    there = "this machine's home" if name == LOCAL else change.now.contexts[name].url
    sys.stdout.write(f"commands go to {there}\n")
    return 0


@app.command
def show(name: str = "", *, json: JsonOption = False) -> int:
    """Show one context, the current one if none is named; never its token.

    Parameters
    ----------
    name
        Of `context ls`.
    """
    known = contexts.read(contexts.file_of(os.environ))
    wanted = name or known.current
    if not wanted:
        sys.stdout.write("commands go to this machine's home; pushline login URL makes a context\n")
        return 0
    shown = _shown(wanted, known.named(wanted), known)
    if json:
        as_json([shown])
    else:
        until = f", until {shown.until}" if shown.until else ""
        sys.stdout.write(f"{shown.name}: {shown.url} as {shown.login or 'somebody'}{until}\n")
    return 0


@app.command
def rm(name: str) -> int:
    """Forget a context; its token stays good: `pushline logout` revokes it too.

    Parameters
    ----------
    name
        Of `context ls`.
    """
    with contexts.changing(contexts.file_of(os.environ)) as change:
        change.to(change.now.without(name))
    sys.stdout.write(f"{name} is forgotten\n")
    return 0


def _shown(name: str, context: Context, known: Contexts) -> Shown:
    return Shown(
        name=name,
        url=context.url,
        login=context.login,
        until=when(context.until) if context.until else "",
        current=name == known.current,
    )
