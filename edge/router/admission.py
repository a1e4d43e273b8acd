"""Admission: whether a caller may reach a closed route, and what its function is told of him.

Anything but an explicit yes is no. A function gets no credential of ours, so that it cannot be
taken for its caller elsewhere; it is told who calls, in lines that nobody else can write.
"""

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import structlog

from edge.auth.book import Book
from edge.auth.denials import Denials
from edge.auth.people import Caller
from edge.auth.policy import LEAST, Resource, Verdict, decide
from edge.auth.settings import AuthSettings
from edge.auth.source import network
from edge.auth.verifier import NotReady, Verifier
from edge.router import causes
from edge.router.causes import Cause, Refused

if TYPE_CHECKING:
    from edge.router.front import Front
    from edge.router.routes import Route

log = structlog.get_logger(__name__)

MOST: Final = 2048  # callers of one route that are known to be let in
TOKENS_ALONE: Final = "token"  # the policy that nobody can satisfy in a browser
SIGN_IN: Final = "/.pushline/login?r="
_SAFE: Final = ":/@!$&'()*+,;=-._~"
_NAVIGATES: Final = re.compile(
    rb"\r\n(?:sec-fetch-mode:[ \t]*navigate[ \t]*\r\n|accept:[^\r\n]*text/html)", re.IGNORECASE
)
_PREFLIGHT: Final = (b"\r\norigin:", b"\r\naccess-control-request-method:")


class Doorkeeper:
    """What all closed routes of a router share: who is known, and who was turned away."""

    def __init__(self, settings: AuthSettings, snapshots: Path | None) -> None:
        """Know nobody yet."""
        self.book = Book.make(snapshots)
        self.verifier = Verifier(self.book, settings)
        self.denials = Denials()
        self._needed = asyncio.Event()
        self.book.keys.changed.append(lambda _kid, _row, _event: self._needed.set())

    def load(self) -> None:
        """Take over the snapshots."""
        self.book.load()
        if self.book.keys.rows:
            self._needed.set()

    async def prepare(self) -> None:
        """Import what verifies sessions, once there is a key: nobody signs in without."""
        await self._needed.wait()
        await asyncio.to_thread(self.verifier.prepare)


class Admission:
    """Lets callers in to one closed route; replaced with it."""

    __slots__ = ("_doorkeeper", "_known", "_label", "_name", "_policy", "_preflight")

    def __init__(self, route: "Route", doorkeeper: Doorkeeper) -> None:
        """Let in whom the route's policy names."""
        self._doorkeeper = doorkeeper
        self._label = route.label
        self._name = f"{route.label}/{route.environment}/{route.function}"
        self._policy = route.options.policy
        self._preflight = route.options.preflight
        self._known: dict[Caller, bytes] = {}  # let in, and the lines that say who it is

    def admit(self, front: "Front") -> None:
        """Let a request in and say who sends it, or raise Refused."""
        if self._policy not in LEAST:  # of a newer release: what it allows is not known here
            raise Refused(causes.POLICY_UNKNOWN)
        fields = front.fields
        try:
            caller = self._doorkeeper.verifier.known(fields.token, fields.session, fields.name)
            lines = None if caller is None else self._known.get(caller)
            if lines is None:
                lines = self._decided(front, caller)
        except Refused:
            raise
        except NotReady:
            raise Refused(causes.POLICY_UNAVAILABLE) from None
        except Exception as error:  # noqa: BLE001 - whatever breaks, it is no yes
            log.warning("policy_undecided", function=self._name, error=type(error).__name__)
            raise Refused(causes.POLICY_UNAVAILABLE) from None
        front.identity = lines

    def still(self, front: "Front") -> bool:
        """Tell whether a request that takes long would be let in at this moment."""
        try:
            self.admit(front)
        except Refused:
            return False
        return True

    def _decided(self, front: "Front", caller: Caller | None) -> bytes:
        tenant = self._doorkeeper.book.tenant_of(self._label)
        forge, owner = ("", "") if tenant is None else (tenant.forge, tenant.owner)
        on = Resource(forge, owner, self._policy)
        verdict = decide(caller, "invoke", on)
        if verdict is Verdict.YES and caller is not None:
            return self._let_in(caller, identity(caller, on))
        if caller is None and self._preflight and preflights(front):
            return b""
        self._turn_away(front, caller)
        raise Refused(self._cause(front, verdict))

    def _let_in(self, caller: Caller, lines: bytes) -> bytes:
        if len(self._known) >= MOST:
            self._known.clear()
        self._known[caller] = lines
        return lines

    def _cause(self, front: "Front", verdict: Verdict) -> Cause:
        if verdict is not Verdict.SIGN_IN:
            return causes.NOT_ALLOWED
        if self._policy == TOKENS_ALONE or not navigates(front):
            return causes.SIGN_IN
        return causes.sign_in_at(SIGN_IN + quote(asked_for(front), safe=""))

    def _turn_away(self, front: "Front", caller: Caller | None) -> None:
        """Record whom we know, and a token that is no good; who only came by is counted."""
        if caller is None and not front.fields.token:
            return
        self._doorkeeper.denials.note(
            "forbidden" if caller is not None else "credentials",
            "invoke",
            self._name,
            source=network(front.fields.caller or front.peer),
            user="" if caller is None else caller.user,
        )


def identity(caller: Caller, on: Resource) -> bytes:
    """Return the header lines that tell a function who calls; nothing in them breaks a line."""
    role = caller.role(on.forge, on.owner)
    lines = {"User": caller.user, "Login": caller.login, "Kind": caller.kind, "Role": role or ""}
    return b"".join(
        b"X-Pushline-%b: %b\r\n" % (name.encode(), quote(value, safe=_SAFE).encode())
        for name, value in lines.items()
        if value
    )


def navigates(front: "Front") -> bool:
    """Tell whether a person looks at the answer: a browser that opens a page."""
    if front.line.method != "GET":
        return False
    return _NAVIGATES.search(front.fields.onward) is not None


def preflights(front: "Front") -> bool:
    """Tell whether a browser asks what it may ask: by the Fetch standard without credentials."""
    if front.line.method != "OPTIONS" or front.fields.length:
        return False
    onward = front.fields.onward.lower()
    return all(name in onward for name in _PREFLIGHT)


def asked_for(front: "Front") -> str:
    """Return the path and query of a request, as the caller may ask for it again."""
    return front.line.heads[0].split(b" ", 2)[1].decode()
