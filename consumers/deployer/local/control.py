"""Words of the control API between the deployer and the supervisor: JSON over a Unix socket.

``PUT /revisions`` (an Order) answers 200 Running once ready, 422 Refused; ``GET /revisions``
a list of Status; ``DELETE /revisions/<name>`` 202 and drains.
"""

import hashlib
from typing import Literal

import msgspec

from consumers.deployer.platform import Revision

State = Literal["starting", "ready", "restarting", "draining"]


class Order(msgspec.Struct, frozen=True):
    """A revision, with the secrets that its program finds as files."""

    revision: Revision
    secrets: dict[str, bytes] = {}  # file name → value

    def __repr__(self) -> str:
        """Return which revision it is, and no value."""
        return f"Order({self.revision.key!r}, {sorted(self.secrets)!r})"


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """What one revision does at the moment."""

    key: str
    name: str
    state: State
    upstream: str
    pid: int = 0  # of the cell, seen from outside; 0: none
    restarts: int = 0  # since it was ordered
    failing: int = 0  # restarts in a row without ten seconds of health: a crash loop
    ended: str = ""  # how the last process ended
    in_flight: int = 0
    walls: str = ""  # root, user, uid, none: what keeps it from the rest of the machine


class Refused(msgspec.Struct, frozen=True):
    """Why a revision does not run."""

    code: str
    message: str


def name_of(key: str) -> str:
    """Return the short name of a revision: of its socket, its folder and its cgroup."""
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def upstream_of(name: str) -> str:
    """Return where its watchdog listens, relative to the run folder."""
    return f"unix:fn-{name}.sock"
