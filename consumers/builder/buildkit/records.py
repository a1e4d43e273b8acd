"""What a daemon says of itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Info:
    """Which BuildKit it is; empty where the daemon is too old to say."""

    package: str = ""
    version: str = ""
    revision: str = ""


@dataclass(frozen=True, slots=True)
class Worker:
    """Who does the work within a daemon."""

    id: str
    labels: Mapping[str, str]
    platforms: tuple[str, ...]  # linux/amd64, linux/arm/v7


@dataclass(frozen=True, slots=True)
class Usage:
    """A record of the build cache."""

    id: str
    size: int  # bytes
    kind: str
    description: str
    in_use: bool
    shared: bool
    used: int  # how often
    last_used: datetime | None
