"""Every consumer that can be replayed, by its name."""

from collections.abc import Callable, Iterable
from typing import Final

from edge.cli.replay.parts.builder import builder_part
from edge.cli.replay.parts.collector import collector_part
from edge.cli.replay.parts.deciders import intake_part, planner_part
from edge.cli.replay.parts.deployer import deployer_part
from edge.cli.replay.parts.part import Part
from edge.cli.replay.parts.secrets import secrets_part
from edge.cli.replay.parts.source import source_part
from schemas.errors import PushlineError

PARTS: Final[dict[str, Callable[[], Part]]] = {
    "intake": intake_part,
    "planner": planner_part,
    "source": source_part,
    "builder": builder_part,
    "deployer": deployer_part,
    "secrets": secrets_part,
    "collector": collector_part,
}


class NotReplayed(PushlineError):
    """No consumer that can be replayed has this name."""

    code = "not_replayed"


def cast(names: Iterable[str] = ()) -> tuple[Part, ...]:
    """Return these consumers, fresh; all of them when none is named."""
    wanted = tuple(dict.fromkeys(names)) or tuple(PARTS)
    if strange := [name for name in wanted if name not in PARTS]:
        raise NotReplayed(
            f"{', '.join(strange)} cannot be replayed", hint=f"there are {', '.join(PARTS)}"
        )
    return tuple(PARTS[name]() for name in wanted)
