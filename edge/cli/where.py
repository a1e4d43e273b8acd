"""Which home a command means."""

from pathlib import Path
from typing import Annotated, TypeAlias

from cyclopts import Parameter

from edge.cli import apart, home, settings
from edge.cli.home import Endpoint, Home

HomeOption: TypeAlias = Annotated[
    Path | None, Parameter(name="--home", help="The home of that `pushline up`.")
]
JsonOption: TypeAlias = Annotated[
    bool, Parameter(name="--json", negative=(), help="Print an object a line.")
]
FollowOption: TypeAlias = Annotated[
    bool,
    Parameter(name=["--follow", "-f"], negative=(), help="Go on: print what comes, until Ctrl-C."),
]


def find(option: Path | None) -> Home:
    """Return the home that the option, the environment or the default names."""
    if option is not None:
        return Home(option.expanduser().resolve())
    found, _, environ = settings.current()
    return Home(settings.home_of(found, environ))


def endpoint(option: Path | None) -> Endpoint:
    """Return where the running ``up`` of that home is met, or the edge of a log apart.

    Raises NotRunning.
    """
    found, _, _ = settings.current()
    if option is None and found.nats_url:
        return apart.endpoint(found)
    return home.endpoint(find(option))
