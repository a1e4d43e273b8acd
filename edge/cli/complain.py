"""How an error is told to people."""

import sys


def complain(message: str, hint: str) -> None:
    """Write an error and its cure to standard error, in colour on a terminal."""
    colour = sys.stderr.isatty()
    mark = "\x1b[1;31merror:\x1b[0m" if colour else "error:"
    sys.stderr.write(f"{mark} {message}\n")
    if hint:
        sys.stderr.write(f"  {hint}\n")
