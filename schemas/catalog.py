"""Every fact there is, and how its bytes are read."""

import functools
import operator
import pkgutil
from importlib import import_module
from typing import Final

import msgspec

from schemas import events
from schemas.envelope import Unknown
from schemas.errors import Undecodable
from schemas.events import Event
from schemas.ids import tag_of


def _declared() -> tuple[type[Event], ...]:
    rooms = sorted(room.name for room in pkgutil.iter_modules(events.__path__))
    modules = (import_module(f"{events.__name__}.{room}") for room in rooms)
    found = (value for module in modules for value in vars(module).values())
    return tuple(
        value
        for value in found
        if isinstance(value, type) and issubclass(value, Event) and value is not Event
    )


FACTS: Final = _declared()
BY_TAG: Final = {tag_of(fact): fact for fact in FACTS}

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(functools.reduce(operator.or_, FACTS)).decode


def encode(fact: Event) -> bytes:
    """Return the fact as JSON; its ``type`` is its tag."""
    return _encode(fact)


def decode(type: str, body: bytes) -> Event:
    """Return the fact whose ``ce-type`` is ``type``; Unknown for a tag of a newer release.

    Raises Undecodable, which names the field, for a known tag with another shape.
    """
    if type not in BY_TAG:
        return Unknown(type=type, body=msgspec.Raw(body))
    try:
        fact: Event = _decode(body)
    except msgspec.DecodeError as error:
        raise Undecodable(f"{type}: {error}") from error
    if tag_of(fact) != type:
        raise Undecodable(f"{type}: the body says {tag_of(fact)}")
    return fact
