"""Which Pushline a command means: a home of this machine, or a context, one elsewhere.

What is said first counts: ``--home`` or ``--context``; ``PUSHLINE_CONTEXT``; ``PUSHLINE_HOME`` or
``PUSHLINE_NATS_URL``; the current context (``pushline context use``); the home of this user.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, TypeAlias

from cyclopts import Parameter

from edge.cli import apart, contexts, home, settings
from edge.cli.contexts import Context
from edge.cli.home import Endpoint, Home
from schemas.errors import SettingInvalid

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


ContextOption: TypeAlias = Annotated[
    str, Parameter(name="--context", help="The Pushline elsewhere, of `pushline context ls`.")
]
Target: TypeAlias = Endpoint | Context


@Parameter(name="*")
@dataclass(frozen=True)
class At:
    """Where a command of users goes."""

    home: HomeOption = None
    context: ContextOption = ""


HERE: Final = At()  # whatever is meant when nothing is said


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


def target(at: At) -> Target:
    """Return the Pushline that is meant; raises NotRunning, ContextUnknown, SettingInvalid."""
    return elsewhere(at) or endpoint(at.home)


def elsewhere(at: At) -> Context | None:
    """Return the context that is meant, None where a home or a log apart is; raises as ``target``.

    What is read without a Pushline that runs asks this first.
    """
    if at.home is not None and at.context:
        raise SettingInvalid("--home and --context are two places", hint="say one of them")
    found, _, environ = settings.current()
    if at.home is not None:
        return None
    if name := at.context or found.context:
        return contexts.read(contexts.file_of(environ)).named(name)
    if found.home or found.nats_url:
        return None
    known = contexts.read(contexts.file_of(environ))
    return known.named(known.current) if known.current else None
