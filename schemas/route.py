"""Route options: what a function asks of the router, said by annotations of its stack.

``com.pushline.route.<name>`` is read by one table, ``OPTIONS``; everything else of that prefix is
an error. 0 and the empty text mean: the operator's own default.
"""

import difflib
import re
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import msgspec

from schemas.errors import PushlineError

PREFIX: Final = "com.pushline.route."
PUBLIC: Final = "public"
POLICIES: Final = (PUBLIC, "signed-in", "members", "role:member", "role:owner", "token")
KEYS: Final = ("client", "route")  # whose requests share one rate

_LONGEST: Final = 24 * 3600.0  # seconds
_LARGEST: Final = 1 << 40  # bytes
_FASTEST: Final = 1_000_000.0  # requests a second
_PART: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)(h|ms|m|s)")
_SECONDS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_SIZE: Final = re.compile(r"([0-9]{1,13})(|[kKMG]i?)B?")
_BYTES: Final = {"": 1, "k": 1000, "K": 1000, "M": 1000**2, "G": 1000**3}
_BYTES_2: Final = {"ki": 1024, "Ki": 1024, "Mi": 1024**2, "Gi": 1024**3}
_RATE: Final = re.compile(r"([0-9]{1,7}(?:\.[0-9]{1,3})?)/(s|m|h)")
_COUNT: Final = re.compile(r"[0-9]{1,7}")


class RouteOptions(msgspec.Struct, frozen=True, omit_defaults=True):
    """How callers reach one function; part of ``function.deployed``.

    A field that closes a route further comes with a policy of its own: an older router, which
    does not know the field, does not know the policy either, and lets nobody in.
    """

    policy: str = PUBLIC  # one that a router does not know closes the route
    response_seconds: float = 0.0  # from the end of a request to the head of its response
    idle_seconds: float = 0.0  # no byte moved, in a body or a WebSocket
    total_seconds: float = 0.0  # from the head of a request to the last byte of its response
    body_bytes: int = 0  # of a request's body, at most
    rate: float = 0.0  # requests a second, in the long run
    burst: int = 0  # requests at once; 0: those of one second
    rate_by: str = "client"  # or route: all callers together
    preflight: bool = False  # a closed route's function answers CORS preflights by itself


class RouteInvalid(PushlineError):
    """An annotation asks for what no route can have."""

    code = "route_invalid"


class Option(NamedTuple):
    """One annotation: the field it sets, how it is read, and how it is written."""

    field: str
    read: Callable[[str], object]  # ValueError: not so
    like: str
    meaning: str


def _duration(text: str) -> float:
    """Return seconds; plain digits are seconds, as the predecessor's, else a Go duration."""
    if _COUNT.fullmatch(text):
        seconds = float(text)
    else:
        parts = _PART.findall(text)
        if not parts or "".join(number + unit for number, unit in parts) != text:
            raise ValueError(text)
        seconds = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    if not 0 < seconds <= _LONGEST:
        raise ValueError(text)
    return seconds


def _size(text: str) -> int:
    found = _SIZE.fullmatch(text)
    if found is None:
        raise ValueError(text)
    size = int(found[1]) * (_BYTES | _BYTES_2)[found[2]]
    if not 0 < size <= _LARGEST:
        raise ValueError(text)
    return size


def _rate(text: str) -> float:
    found = _RATE.fullmatch(text)
    if found is None:
        raise ValueError(text)
    rate = float(found[1]) / _SECONDS[found[2]]
    if not 0 < rate <= _FASTEST:
        raise ValueError(text)
    return rate


def _count(text: str) -> int:
    if not _COUNT.fullmatch(text) or not int(text):
        raise ValueError(text)
    return int(text)


def _one_of(known: tuple[str, ...]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in known:
            raise ValueError(text)
        return text

    return read


def _by_function(text: str) -> bool:
    if text != "function":
        raise ValueError(text)
    return True


OPTIONS: Final = {
    "policy": Option(
        "policy", _one_of(POLICIES), ", ".join(POLICIES), "who may call it; default: public"
    ),
    "timeout": Option("response_seconds", _duration, "30s or 1m30s", "until its response begins"),
    "idle-timeout": Option(
        "idle_seconds", _duration, "30s", "in which no byte of a body or a WebSocket moves"
    ),
    "total-timeout": Option("total_seconds", _duration, "5m", "until its response has ended"),
    "body-limit": Option("body_bytes", _size, "10MB or 512KiB", "largest body of a request"),
    "rate": Option("rate", _rate, "10/s or 600/m", "requests that are let through"),
    "burst": Option("burst", _count, "20", "requests at once; default: those of one second"),
    "rate-by": Option(
        "rate_by", _one_of(KEYS), "client or route", "whether callers have a rate each"
    ),
    "preflight": Option(
        "preflight",
        _by_function,
        "function",
        "a closed route answers a browser's CORS preflight, which has no credentials",
    ),
}


def problems(annotations: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Return (message, cure) by annotation, of each that cannot be read."""
    found = {}
    for key, text in annotations.items():
        if not key.startswith(PREFIX):
            continue
        option = OPTIONS.get(name := key.removeprefix(PREFIX))
        if option is None:
            near = difflib.get_close_matches(name, OPTIONS, n=1)
            cure = f"did you mean {PREFIX}{near[0]}?" if near else f"there are {_known()}"
            found[key] = "no route has this option", cure
            continue
        try:
            option.read(text)
        except ValueError:
            found[key] = f"{text or '(empty)'} is not its value", f"write {option.like}"
    return found


def options(annotations: Mapping[str, str]) -> RouteOptions:
    """Return what the annotations ask for; RouteInvalid names the one that cannot be had."""
    for key, (message, cure) in problems(annotations).items():
        raise RouteInvalid(f"{key}: {message}", hint=cure)
    values = {
        option.field: option.read(annotations[PREFIX + name])
        for name, option in OPTIONS.items()
        if PREFIX + name in annotations
    }
    return msgspec.convert(values, RouteOptions)


def markdown() -> str:
    """Return the table of annotations, as the README has it."""
    rows = ["| annotation | written | what it sets |", "|---|---|---|"]
    rows += [
        f"| `{PREFIX}{name}` | {option.like} | {option.meaning} |"
        for name, option in OPTIONS.items()
    ]
    return "\n".join(rows) + "\n"


def _known() -> str:
    return ", ".join(OPTIONS)
