"""`--at` of every read: the state as it was at a sequence of the log, or a time."""

from datetime import UTC, datetime
from typing import Annotated, Final, TypeAlias

from cyclopts import Parameter

from edge.cli.output import since

MOMENT: Final = "a sequence of the log, a time with its zone, or how long ago: 1842, 2h"
MomentOption: TypeAlias = Annotated[
    str, Parameter(name="--at", help=f"As it was then: {MOMENT}.", show_default=False)
]


def moment(text: str) -> str:
    """Return a moment as the API takes it: ``2h`` becomes the time it was so long ago."""
    try:
        return (datetime.now(UTC) - since(text)).isoformat()
    except ValueError:
        return text
