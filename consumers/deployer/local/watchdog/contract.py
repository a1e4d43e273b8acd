"""The watchdog's settings, in the words of of-watchdog's and the classic watchdog's environment."""

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from schemas.errors import DeployFailed

_UNITS: Final = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")
_BINARY: Final = {"k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}


class Contract(msgspec.Struct, frozen=True, kw_only=True):
    """What callers of one function may rely on; times in seconds, 0 is no limit."""

    read_timeout: float = 30.0  # for the request to arrive
    write_timeout: float = 30.0  # for requests in flight to end when a revision is retired
    exec_timeout: float = 30.0  # for the answer to end
    max_inflight: int = 0
    content_type: str = "application/octet-stream"
    cgi_headers: bool = True  # forking modes: the request as Http_* environment
    combine_output: bool = True  # classic: standard error is part of the answer
    ready_path: str = ""
    classic: bool = False


def read(variables: Mapping[str, str], *, classic: bool, content_type: str = "") -> Contract:
    """Return the contract that a function's environment asks for.

    Raises DeployFailed, which names the variable.
    """
    found = {name.lower(): value for name, value in variables.items()}
    times = {
        name: _duration(name, found[name])
        for name in ("read_timeout", "write_timeout", "exec_timeout")
        if found.get(name)
    }
    if times.get("write_timeout") == 0:
        raise DeployFailed("write_timeout is 0", hint="give it a time, such as 30s")
    if classic:  # the classic watchdog has no limit by default
        times.setdefault("exec_timeout", 0.0)
    inflight = found.get("max_inflight") or "0"
    if not inflight.isdecimal():
        raise DeployFailed(f"max_inflight is {inflight!r}", hint="give it a whole number")
    return Contract(
        **times,
        max_inflight=int(inflight),
        content_type=found.get("content_type") or content_type or Contract().content_type,
        cgi_headers=_yes(found.get("cgi_headers")),
        combine_output=_yes(found.get("combine_output")),
        ready_path=found.get("ready_path", ""),
        classic=classic,
    )


def _yes(word: str | None) -> bool:
    return (word or "true").lower() in ("true", "1", "yes")


def _duration(name: str, text: str) -> float:
    if (seconds := duration(text)) is None:
        raise DeployFailed(f"{name} is {text!r}", hint="seconds as a number, or 1m30s, 500ms")
    return seconds


def duration(text: str) -> float | None:
    """Return the seconds that ``30`` or Go's ``1m30s`` mean, None for anything else."""
    if re.fullmatch(r"\d+", text):
        return float(text)
    if not re.fullmatch(rf"(?:{_PART.pattern})+", text):
        return 0.0 if text == "0" else None
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))


def size(text: str, otherwise: int) -> int:
    """Return the bytes that ``128Mi``, ``128m``, ``1G`` or ``1000`` mean.

    Raises DeployFailed for what is no size. ``128m`` is Docker's word for mebibytes, as faas-cli
    users write it; Kubernetes alone would read thousandths of a byte.
    """
    if not text:
        return otherwise
    found = re.fullmatch(r"(\d+)([kmgt]?)(i?)b?", text.strip().lower())
    if found is None:
        raise DeployFailed(f"limits.memory is {text!r}", hint="write a size, such as 128Mi")
    return int(found[1]) * (_BINARY[found[2]] if found[2] else 1)


def cores(text: str) -> float:
    """Return the cores that ``100m`` or ``0.5`` mean, 0 for no limit; raises DeployFailed."""
    if not text:
        return 0.0
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(m?)", text.strip())
    if found is None:
        raise DeployFailed(f"limits.cpu is {text!r}", hint="write cores, such as 0.5 or 500m")
    return float(found[1]) / (1000 if found[2] else 1)
