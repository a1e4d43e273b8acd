"""Runs handler.handle(req) for one request: standard input in, standard output out.

The interpreter is started with -S, so that nothing but the bundle's own packages is found.
"""

import importlib
import os
import site
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Hand the request to the handler as text, as bytes where RAW_BODY is true."""
    site.addsitedir(str(HERE / "packages"))
    site.setquit()
    sys.path[:0] = [str(HERE), str(HERE / "function")]
    handle = importlib.import_module("function.handler").handle
    body = sys.stdin.buffer.read()
    raw = os.environ.get("RAW_BODY", "").lower() in ("1", "true")
    answer = handle(body if raw else body.decode("utf-8", "replace"))
    if answer is not None:
        data = answer if isinstance(answer, bytes) else str(answer).encode()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
