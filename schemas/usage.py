"""Usage: what routers count of functions, and a sketch of how long callers waited.

The sketch is a histogram whose buckets grow with what they hold: eight to each doubling, so that
a quantile is off by less than 7 %, and there are never more than 272. Sketches add up.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

_STEPS: Final = 3  # bits: 8 buckets to a doubling
_PLAIN: Final = 1 << (_STEPS + 1)  # microseconds that have a bucket of their own
_MOST: Final = (1 << 36) - 1  # microseconds, 19 hours


class Usage(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one router counted of one function within one minute; one of several parts."""

    minute: int  # since the epoch
    invocations: int = 0
    errors: int = 0  # answers of 500 and above
    latency: dict[int, int] = {}  # requests by bucket, from a request's head to its answer's end
    refused: int = 0  # answers of 400 to 499


def bucket(microseconds: int) -> int:
    """Return where a duration is counted."""
    if microseconds < _PLAIN:
        return max(microseconds, 0)
    value = min(microseconds, _MOST)
    shift = value.bit_length() - _STEPS - 1
    return (shift << _STEPS) + (value >> shift)


def middle(number: int) -> float:
    """Return the microseconds that a bucket stands for."""
    if number < _PLAIN:
        return float(number)
    shift = (number >> _STEPS) - 1
    low = (number - (shift << _STEPS)) << shift
    return low + ((1 << shift) - 1) / 2


def quantile(latency: Mapping[int, int], share: float) -> float:
    """Return the milliseconds that this share of the requests took at most, 0 for none."""
    total = sum(latency.values())
    left = share * total
    for number in sorted(latency):
        left -= latency[number]
        if left <= 0:
            return middle(number) / 1000
    return 0.0


def added(parts: Iterable[Usage], *, minute: int = 0) -> Usage:
    """Return all of them together."""
    invocations = errors = refused = 0
    latency: dict[int, int] = {}
    for part in parts:
        invocations += part.invocations
        errors += part.errors
        refused += part.refused
        for number, count in part.latency.items():
            latency[number] = latency.get(number, 0) + count
    return Usage(minute, invocations, errors, latency, refused)
