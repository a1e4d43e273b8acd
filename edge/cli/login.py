"""`pushline login` and `pushline logout`: a Pushline elsewhere becomes a context, and no more."""

import os
import platform
import sys
from typing import Annotated
from urllib.parse import urlsplit

from cyclopts import Parameter

from edge.api.asked import Me, TokenGone
from edge.cli import contexts
from edge.cli.client import Api, ApiRefused
from edge.cli.contexts import Context
from edge.cli.output import when
from edge.cli.waiting import LoginFailed, wait_for_token


def login(
    url: Annotated[str, Parameter(help="https://system.ROOT_DOMAIN; the current context's.")] = "",
    *,
    name: Annotated[str, Parameter(help="What the context is called; its host.")] = "",
    token_stdin: Annotated[
        bool,
        Parameter(negative=(), help="Take a token from standard input: for machines."),
    ] = False,
) -> int:
    """Sign in to a Pushline elsewhere: a browser asks whether this machine may act for you.

    The token that comes of it is kept in the user's folder of configuration, 0600, and revoked by
    `pushline logout`.
    """
    file = contexts.file_of(os.environ)
    known = contexts.read(file)
    if not url and known.current:
        url, name = known.named(known.current).url, name or known.current
    if not url:
        raise LoginFailed("there is no context to sign in to", hint="say where: pushline login URL")
    at = contexts.checked_url(url)
    token = sys.stdin.readline().strip() if token_stdin else _by_browser(at)
    if not token:
        raise LoginFailed("standard input had no token", hint="pushline token create makes one")
    me = Api(Context(url=at, token=token)).get("/api/me", Me)
    called = name or (urlsplit(at).hostname or at).removeprefix("system.")
    with contexts.changing(file) as change:
        made = Context(url=at, token=token, login=me.login, until=me.until)
        change.to(change.now.with_one(called, made))
    until = f", until {when(me.until)}" if me.until else ""
    sys.stdout.write(f"signed in to {at} as {me.login}{until}; commands go there ({called})\n")
    return 0


def logout(name: Annotated[str, Parameter(help="A context; the current one.")] = "") -> int:
    """Revoke the token of a context, and forget it."""
    file = contexts.file_of(os.environ)
    known = contexts.read(file)
    called = name or known.current
    if not called:
        raise LoginFailed("there is no context to leave", hint="`pushline context ls` shows them")
    _revoke(known.named(called))
    with contexts.changing(file) as change:
        change.to(change.now.without(called))
    sys.stdout.write(f"signed out of {called}\n")
    return 0


def _by_browser(url: str) -> str:
    machine = platform.node().partition(".")[0][:30] or "a machine"
    return wait_for_token(url, {"name": f"pushline on {machine}"}).access_token


def _revoke(context: Context) -> None:
    """Revoke a token; one that is good no more needs it not."""
    api = Api(context)
    try:
        me = api.get("/api/me", Me)
        if me.token:
            api.send("DELETE", f"/api/tokens/{me.token}", TokenGone)
    except ApiRefused as error:
        if error.code not in ("token_missing", "token_unknown"):
            raise
