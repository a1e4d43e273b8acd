"""`pushline version`: what runs here."""

import platform
from importlib.metadata import version as installed

from edge.cli import release
from edge.cli.output import as_json
from edge.cli.where import JsonOption


def version(*, json: JsonOption = False) -> int:
    """Print the version of Pushline, and of what it stands on."""
    parts = {
        "pushline": release.version(),
        "python": platform.python_version(),
        **{name: installed(name) for name in ("nats-py", "litestar", "uvicorn", "dulwich")},
    }
    if json:
        as_json([parts])
    else:
        for name, number in parts.items():
            print(f"{name} {number}")
    return 0
