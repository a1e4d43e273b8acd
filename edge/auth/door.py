"""The door: who may come in, decided on the head of a request.

The allow-list of hosts keeps out a page of another site whose name was bound to 127.0.0.1 (DNS
rebinding): its requests carry its own Host. A browser sends cookies, and a password that it
remembers, with whatever any page makes it send: changes are made from our own pages only.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from edge.auth import credentials
from edge.auth.asking import Asking
from edge.auth.attempts import Attempts
from edge.auth.people import PLATFORM, Caller
from edge.auth.room import Auth
from edge.auth.source import source_of
from schemas.errors import PushlineError

SAFE: Final = ("GET", "HEAD", "OPTIONS")
LONGEST: Final = 100  # letters of a name that proves nothing
LOOPBACK: Final = ("localhost", "127.0.0.1", "[::1]")

Scope = Mapping[str, Any]  # of ASGI
Headers = Mapping[bytes, bytes]


class HostUnknown(PushlineError):
    """A request's Host is none of ours."""

    code = "host_unknown"
    status: ClassVar = 421


class OriginForeign(PushlineError):
    """A page of another site asks for a change, with what its visitor's browser knows."""

    code = "origin_foreign"
    status: ClassVar = 403


class TokenMissing(PushlineError):
    """A request has no credentials, or wrong ones."""

    code = "token_missing"
    status: ClassVar = 401


class TooManyAttempts(PushlineError):
    """Wrong credentials came too often from this network; good ones pass all the time."""

    code = "too_many_attempts"
    status: ClassVar = 429

    def __init__(self, wait: int) -> None:
        """Say for how long."""
        super().__init__(
            "wrong credentials came too often from your network",
            hint=f"wait {wait} s, and use a good token: they pass all the time",
        )
        self.wait = wait


@dataclass(frozen=True, slots=True)
class Door:
    """One for a process; asks the verifier, counts failures, records denials."""

    auth: Auth
    hosts: frozenset[str]
    trusted: tuple[str, ...] = ()  # proxies before the router
    attempts: Attempts = field(default_factory=Attempts)
    _telling: set[asyncio.Task[None]] = field(default_factory=set, repr=False)

    @staticmethod
    def own_hosts(root_domain: str, more: Iterable[str] = ()) -> frozenset[str]:
        """Return the hosts of an installation with this root domain."""
        return frozenset((*LOOPBACK, root_domain, f"system.{root_domain}", *more))

    def host(self, scope: Scope) -> str:
        """Return the request's host; raises HostUnknown unless there is one, and it is ours."""
        if (name := host_of(scope)) not in self.hosts:
            raise HostUnknown(
                f"this is not the host {name or '(none)'}",
                hint=f"ask for {self.auth.settings.system_host}, or localhost",
            )
        return name

    def enter(self, scope: Scope) -> Asking:
        """Return who asks. Raises OriginForeign, TokenMissing, TooManyAttempts, NotReady."""
        headers = dict(scope["headers"])
        self._not_foreign(scope, headers)
        source = self.source(headers)
        caller = self.caller(scope)
        if caller is None:
            raise self._unknown(headers, source)
        if caller.kind == "person":
            self.from_our_page(scope)
        if caller.kind == "token":
            self._used(caller.session, source)
        label = _label(_authorization(headers)) if caller is PLATFORM else ""
        return Asking(caller, self.auth.desk.denied, lambda: self.caller(scope), source, label)

    def caller(self, scope: Scope) -> Caller | None:
        """Return whose credentials come with a request, None for nobody; raises NotReady."""
        headers = dict(scope["headers"])
        return self.auth.verifier.caller(
            authorization=_authorization(headers),
            cookie=headers.get(b"cookie", b""),
            host=host_of(scope),
        )

    def source(self, headers: Headers) -> str:
        """Return the network that a request comes from."""
        return source_of(headers.get(b"x-forwarded-for", b""), self.trusted)

    def from_our_page(self, scope: Scope) -> None:
        """Raise OriginForeign for a change that does not come from a page of this very host."""
        headers = dict(scope["headers"])
        if scope["method"] in SAFE or self._own(headers):
            return
        if headers.get(b"sec-fetch-site") != b"same-origin" or b"origin" in headers:
            raise OriginForeign(
                "nothing says that a page of ours asks for this",
                hint="changes are made from our own pages, or with a token in place of a cookie",
            )

    def _used(self, token: str, source: str) -> None:
        """Have it recorded that a token is used; no request waits for that."""
        telling = asyncio.create_task(self.auth.desk.used(token, source))
        self._telling.add(telling)
        telling.add_done_callback(self._telling.discard)

    def _not_foreign(self, scope: Scope, headers: Headers) -> None:
        if scope["method"] not in SAFE and headers.get(b"origin") and not self._own(headers):
            raise OriginForeign(
                "a page of another site asks for this", hint="changes are made from our own pages"
            )

    def _own(self, headers: Headers) -> bool:
        """Tell whether the Origin is there, and is that of the host that is asked."""
        scheme, _, authority = headers.get(b"origin", b"").lower().partition(b"://")
        host = headers.get(b"host", b"").lower()
        if not authority or authority != host:
            return False
        local = _name(host.decode("latin-1")) in LOOPBACK
        return local or scheme == self.auth.settings.scheme.encode()

    def _unknown(self, headers: Headers, source: str) -> PushlineError:
        """Return why nobody is let in, and count what was tried."""
        if _authorization(headers):
            self.auth.desk.denied("credentials", "", "", source)
            if wait := self.attempts.failed(source):
                return TooManyAttempts(wait)
        return TokenMissing(
            "this needs a token of this Pushline",
            hint="`pushline login` gets one, `pushline up` prints another in the git remote: "
            "as password, or as Bearer",
        )


def host_of(scope: Scope) -> str:
    """Return the one Host of a request without its port, "" where there is not one."""
    hosts = [value for name, value in scope["headers"] if name == b"host"]
    return _name(hosts[0].decode("latin-1").lower()) if len(hosts) == 1 else ""


def _name(authority: str) -> str:
    name = authority if authority.endswith("]") else authority.rpartition(":")[0] or authority
    return name.removesuffix(".")


def _label(authorization: bytes) -> str:
    """Return the name that comes with the platform's token, as a record may show it."""
    given = credentials.user_of(authorization)
    return "".join(letter for letter in given if letter.isprintable())[:LONGEST]


def _authorization(headers: Headers) -> bytes:
    return headers.get(b"authorization", b"").strip()
