"""Kubernetes quantities: 128Mi, 500m, 0.5, 1e3."""

import re
from decimal import Decimal
from typing import Final

_LONGEST: Final = 32  # characters
_EXPONENT: Final = 18  # 10^18: beyond it no quantity of the API goes
_SHAPE: Final = re.compile(
    r"(?P<number>\+?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))"
    r"(?:(?P<suffix>[numkMGTPE]|[KMGTPE]i)|[eE](?P<exponent>[+-]?[0-9]{1,2}))?"
)
_SUFFIXES: Final = {
    "n": Decimal(10) ** -9,
    "u": Decimal(10) ** -6,
    "m": Decimal(10) ** -3,
    **{letter: Decimal(1000) ** power for power, letter in enumerate("kMGTPE", 1)},
    **{f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("KMGTPE", 1)},
}


class QuantityInvalid(ValueError):
    """A text is no quantity."""


def quantity(text: str) -> Decimal:
    """Return what a quantity amounts to, exactly; raises QuantityInvalid."""
    found = _SHAPE.fullmatch(text) if len(text) <= _LONGEST else None
    if found is None:
        raise QuantityInvalid(f"{text[:_LONGEST]!r} is not an amount")
    amount = Decimal(found["number"])
    if found["exponent"]:
        exponent = int(found["exponent"])
        if abs(exponent) > _EXPONENT:
            raise QuantityInvalid(f"{text!r} is out of range")
        return amount.scaleb(exponent)
    return amount * _SUFFIXES.get(found["suffix"] or "", Decimal(1))


def memory(text: str) -> str:
    """Return a stack's memory in Kubernetes' words.

    ``128m`` is Docker's word for mebibytes, as faas-cli users write it; Kubernetes alone would
    read thousandths of a byte.
    """
    return f"{text[:-1]}Mi" if text.endswith("m") else text
