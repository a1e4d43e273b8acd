"""Our router as the platform starts it: the very child, its route in its snapshot, its log on."""

import asyncio
import os
import sys
from typing import Any, Final

from bus.fold import Fold
from edge.cli import child
from edge.router import routes
from edge.router.routes import Route
from edge.router.settings import RouterSettings
from tests.bench.peers import Place

LABEL: Final = "alice"


def pushline(at: Place) -> tuple[list[str], bytes]:
    """Return what starts our router with one function, and what it is told on standard input."""
    route = Route(
        label=LABEL,
        environment="production",
        function="hello",
        revision="1",
        upstream=f"127.0.0.1:{at.upstream}",
    )
    fold = Fold(
        "routes",
        row=Route,
        key=routes.key,
        reduce=routes.reduce,
        snapshots=at.folder / "snapshots",
    )
    fold.rows, fold.seq = {f"{LABEL}/production/hello": route}, 1
    asyncio.run(fold.save())
    return started_with(at)


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
