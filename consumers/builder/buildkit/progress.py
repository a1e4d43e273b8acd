"""What a daemon tells of a build while it runs."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Vertex:
    """A step of the build; said again whenever it changes."""

    digest: str  # its id within the build
    name: str  # as people know it: "[2/3] RUN make"
    inputs: tuple[str, ...] = ()
    started: datetime | None = None
    completed: datetime | None = None
    cached: bool = False
    error: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """How far a part of a step has come."""

    vertex: str  # digest
    id: str  # what is being done: "transferring context:"
    current: int
    total: int
    completed: datetime | None = None


@dataclass(frozen=True, slots=True)
class Log:
    """What a step printed, as it came: lines may be cut anywhere."""

    vertex: str  # digest
    stream: int  # 1 output, 2 errors
    text: str


@dataclass(frozen=True, slots=True)
class Warning:
    """What the frontend would rather see otherwise."""

    vertex: str  # digest
    level: int
    short: str
    detail: tuple[str, ...] = ()
    url: str = ""
    file: str = ""
    line: int = 0


Progress: TypeAlias = Vertex | Status | Log | Warning
