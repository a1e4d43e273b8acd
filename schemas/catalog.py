"""Every fact there is, and how its bytes are read, those of older tags too."""

import pkgutil
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Final

import msgspec

from schemas import events
from schemas.envelope import Unknown
from schemas.errors import Undecodable
from schemas.events import Event
from schemas.ids import tag_of
from schemas.upcast import UPCASTERS, Upcasters, newest


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


def encode(fact: Event) -> bytes:
    """Return the fact as JSON; its ``type`` is its tag."""
    return _encode(fact)


def reader(facts: Iterable[type[Event]], upcasters: Upcasters) -> Callable[[str, bytes], Event]:
    """Return what reads these facts, see ``decode``."""
    known = {tag_of(fact): fact for fact in facts}
    parsers = {tag: msgspec.json.Decoder(fact).decode for tag, fact in known.items()}

    def read(type: str, body: bytes) -> Event:
        if type not in known:
            type, body = newest(type, body, upcasters)
            if type not in known:
                return Unknown(type=type, body=msgspec.Raw(body))
        try:
            return parsers[type](body)
        except msgspec.DecodeError as error:
            raise Undecodable(f"{type}: {error}") from error

    return read


_read = reader(FACTS, UPCASTERS)


def decode(type: str, body: bytes) -> Event:
    """Return the fact whose ``ce-type`` is ``type``; Unknown for a tag of a newer release.

    What has an older tag is read as its newest version. Raises Undecodable, which names the
    field, for a known tag with another shape.
    """
    return _read(type, body)
