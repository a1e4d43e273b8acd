"""Upcasters: a fact of an older tag is read as what took its place.

The log keeps what was written for ever, the code knows the newest meaning alone. An upcaster turns
the JSON of ``run.built/1`` into that of ``run.built/2``; an older one still goes through both.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from schemas.errors import Undecodable

Body: TypeAlias = dict[str, Any]


class Upcaster(NamedTuple):
    """One step to a newer version of the same fact."""

    to: str  # the newer tag
    turn: Callable[[Body], Body]  # pure: no clock, no random, no log; ``type`` is set for it


Upcasters: TypeAlias = Mapping[str, Upcaster]  # by the older tag

UPCASTERS: Final[Upcasters] = {}  # no fact has a second version yet


def newest(tag: str, body: bytes, upcasters: Upcasters) -> tuple[str, bytes]:
    """Return tag and body as the newest version has them; both as they are where none is newer.

    Raises Undecodable, which names the tag, for a body that its upcaster cannot turn.
    """
    if tag not in upcasters:
        return tag, body
    try:
        fields = msgspec.json.decode(body, type=Body)
        while (step := upcasters.get(tag)) is not None:
            fields = {**step.turn(fields), "type": step.to}
            tag = step.to
    except msgspec.DecodeError as error:
        raise Undecodable(f"{tag}: {error}") from error
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise Undecodable(f"{tag}: {type(error).__name__} in its upcaster: {error}") from error
    return tag, msgspec.json.encode(fields)


def mistakes(upcasters: Upcasters, known: Collection[str]) -> list[str]:
    """Return what is wrong with a table: each step leads to a higher version of the same fact.

    ``known`` are the tags that the code reads: none of them is turned, each way ends at one.
    """
    found = []
    for tag, step in upcasters.items():
        if tag in known:
            found.append(f"{tag}: the code still has its class, which would never be read")
        if step.to not in known and step.to not in upcasters:
            found.append(f"{tag}: leads to {step.to}, which nobody reads")
        old, new = tag.partition("/"), step.to.partition("/")
        if old[0] != new[0] or int(old[2]) >= int(new[2]):
            found.append(f"{tag}: {step.to} is no later version of it")
    return found
