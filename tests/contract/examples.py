"""Examples of facts: something in every field, made of the fields' types."""

import functools
import re
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from schemas.events import Event


def example(fact: type[Event]) -> Event:
    """Return a fact with something in every field."""
    made: Event = _example(msgspec.inspect.type_info(fact))
    return made


@functools.singledispatch
def _example(info: Any) -> Any:
    raise TypeError(f"no example for {info}: say here what one looks like")


TEXTS: Final = (  # what one of these patterns takes
    "sample",
    "sha256:" + "0123456789abcdef" * 4,
    "0123456789" * 4,
    "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",  # RFC 7517, A.1
)


@_example.register
def _(info: msgspec.inspect.StrType) -> str:
    for text in TEXTS:
        if re.search(info.pattern or "", text):
            return text
    raise TypeError(f"no example for {info.pattern}: add one to TEXTS")


@_example.register
def _(info: msgspec.inspect.IntType) -> int:
    return max(7, info.ge or 0)


@_example.register
def _(_: msgspec.inspect.FloatType) -> float:
    return 1.5


@_example.register
def _(_: msgspec.inspect.BoolType) -> bool:
    return True


@_example.register
def _(info: msgspec.inspect.Metadata) -> Any:
    return _example(info.type)


@_example.register
def _(_: msgspec.inspect.DateTimeType) -> datetime:
    return datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)


@_example.register
def _(info: msgspec.inspect.LiteralType) -> Any:
    return min(info.values, key=str)


@_example.register
def _(info: msgspec.inspect.VarTupleType) -> tuple[Any, ...]:
    return (_example(info.item_type),)


@_example.register
def _(info: msgspec.inspect.TupleType) -> tuple[Any, ...]:
    return tuple(_example(each) for each in info.item_types)


@_example.register
def _(info: msgspec.inspect.DictType) -> dict[Any, Any]:
    return {_example(info.key_type): _example(info.value_type)}


@_example.register
def _(info: msgspec.inspect.UnionType) -> Any:
    real = [each for each in info.types if not isinstance(each, msgspec.inspect.NoneType)]
    return _example(real[0])


@_example.register
def _(info: msgspec.inspect.StructType) -> Any:
    return info.cls(**{field.name: _example(field.type) for field in info.fields})
