"""`pushline audit export`: a part of the record, that can be verified by itself."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, BinaryIO

from cyclopts import Parameter

from consumers.audit.export import export as write
from edge.cli.audit.place import record
from edge.cli.where import HomeOption


def export(
    *,
    first: Annotated[int, Parameter(name="--from", help="The first sequence.")] = 1,
    last: Annotated[int | None, Parameter(name="--to", help="The last one; all, if left out.")] = (
        None
    ),
    out: Annotated[str, Parameter(help="The file to write; -: standard output.")] = "-",
    home: HomeOption = None,
) -> int:
    """Write records as JSONL; the last line is the chain's head, which is told on standard error.

    `pushline audit verify FILE` checks such a file, anywhere.
    """
    with _opened(out) as file:
        head = write(record(home), max(1, first), last, file)
    where = f" in {out}" if out != "-" else ""
    sys.stderr.write(f"{head.records} records up to #{head.until}, {head.hash}{where}\n")
    return 0


@contextlib.contextmanager
def _opened(out: str) -> Iterator[BinaryIO]:
    """Yield where to write; a file appears whole or not at all."""
    if out == "-":
        yield sys.stdout.buffer
        return
    path = Path(out)
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
