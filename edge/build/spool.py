"""A request's body on disk: signed and bounded, held in memory at no time."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bus.blocking import run_blocking
from edge.ingest.gate import Refusal
from edge.ingest.receiving import Receive
from edge.signatures import Signature

TIME: Final = 300.0  # seconds for a body to come
FLUSH: Final = 1024 * 1024  # bytes that are written at once
_PREFIX: Final = "request."


@contextmanager
def folder(work: Path) -> Iterator[Path]:
    """Yield a folder for one request; what killed processes left is removed."""
    work.mkdir(parents=True, exist_ok=True)
    for old in work.glob(f"{_PREFIX}*.*"):
        pid = old.name.split(".")[1]
        if pid.isdigit() and int(pid) != os.getpid() and not Path(f"/proc/{pid}").exists():
            shutil.rmtree(old, ignore_errors=True)
    made = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}.", dir=work))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


async def spooled(receive: Receive, signature: Signature, into: Path, limit: int) -> bool:
    """Write the body to a file; False when the sender has gone.

    Refuses with 401 what is not signed, 408 a sender that is slow, 413 more than ``limit``.
    """
    try:
        async with asyncio.timeout(TIME):
            whole = await _written(receive, signature, into, limit)
    except TimeoutError:
        raise Refusal(408, f"the body did not come within {TIME:g} s") from None
    if whole and not signature.holds():
        raise Refusal(401, "the signature does not fit")
    return whole


async def _written(receive: Receive, signature: Signature, into: Path, limit: int) -> bool:
    size, more, waiting = 0, True, bytearray()
    with into.open("wb") as file:
        while more:
            part = await receive()
            if part["type"] == "http.disconnect":
                return False
            more = part.get("more_body", False)
            waiting += part.get("body", b"")
            size += len(part.get("body", b""))
            if size > limit:
                raise Refusal(413, f"a body has at most {limit} bytes here")
            if len(waiting) >= FLUSH or not more:
                chunk = bytes(waiting)
                waiting.clear()
                signature.update(chunk)
                await run_blocking(file.write, chunk)
    return True
