"""Our router as the platform starts it: the very child, its route in its snapshot, its log on."""

import asyncio
import os
import sys
from typing import Any, Final

from bus.fold import Fold
from edge.auth.book import Book
from edge.cli import child
from edge.router import routes
from edge.router.routes import Route
from edge.router.settings import RouterSettings
from schemas.route import RouteOptions
from tests.bench.peers import HOST, Place
from tests.edge.auth.told import ALICE, Told

LABEL: Final = "alice"


def pushline(at: Place) -> tuple[list[str], bytes]:
    """Return what starts our router with two functions, and what it is told on standard input."""

    def route(function: str, options: RouteOptions) -> Route:
        upstream = f"127.0.0.1:{at.upstream}"
        return Route(LABEL, "production", function, "1", upstream, options=options)

    fold = Fold(
        "routes",
        row=Route,
        key=routes.key,
        reduce=routes.reduce,
        snapshots=at.folder / "snapshots",
    )
    fold.rows, fold.seq = (
        {
            f"{LABEL}/production/hello": route("hello", RouteOptions()),
            f"{LABEL}/production/closed": route("closed", RouteOptions(policy="members")),
        },
        1,
    )
    asyncio.run(fold.save())
    return started_with(at)


def cookie(at: Place) -> bytes:
    """Let somebody be signed in to our router's functions; return the cookie that says so."""
    told = Told(Book.make(at.folder / "snapshots"))
    told.labelled(LABEL)
    session = told.signed_in(ALICE, (LABEL, "member"))
    for fold in told.book.folds:
        asyncio.run(fold.save())
    return b"pushline=" + told.token(session, HOST, jti="x" * 25)  # the length that peers' have


def started_with(at: Place, **more: Any) -> tuple[list[str], bytes]:
    """Return what starts our router, with more settings than where it is."""
    settings = RouterSettings(
        home=at.folder,
        run=at.folder,
        listen_port=at.port,
        access_log=at.folder / "access.log",
        **more,
    )
    told = child.payload(settings, log_level="info", log_format="json")
    return [sys.executable, "-m", "edge.cli.child", "router", str(os.getpid())], told
