"""What all commands about replays share: options, errors, silence."""

import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Final, TypeAlias

import structlog
from cyclopts import Parameter

from edge.cli.complain import complain
from schemas.errors import PushlineError

MISUSED: Final = 2

Project: TypeAlias = Annotated[str, Parameter(help="Only this project's events, owner/name.")]
Since: TypeAlias = Annotated[
    str, Parameter(help="Only what came after: a sequence, a time with its zone, 2h, 3d.")
]


@contextmanager
def quiet() -> Iterator[None]:
    """Let the consumers' own log lines go: what they say they do is not done."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.configure(**before)


async def told(command: Callable[[], Awaitable[int]]) -> int:
    """Return a command's code; an error is told, and is no difference."""
    try:
        return await command()
    except PushlineError as error:
        complain(error.message, error.hint)
        return MISUSED
