"""Who may come in, before sign-in exists: known hosts only, and one token.

The allow-list of hosts keeps out a page of another site whose name was bound to 127.0.0.1 (DNS
rebinding): its requests carry its own Host.
"""

import base64
import binascii
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from schemas.errors import PushlineError


class HostUnknown(PushlineError):
    """A request's Host is none of ours."""

    code = "host_unknown"


class OriginForeign(PushlineError):
    """A page of another site asks for a change, with what its visitor's browser knows."""

    code = "origin_foreign"


class TokenMissing(PushlineError):
    """A request has no token, or a wrong one."""

    code = "token_missing"


@dataclass(frozen=True, slots=True)
class Access:
    """Decides on the head of a request."""

    root_domain: str
    hosts: frozenset[str]
    token: str

    @classmethod
    def of(cls, root_domain: str, token: str, more: Iterable[str] = ()) -> "Access":
        """Return the rules of an installation with this root domain."""
        own = ("localhost", "127.0.0.1", "[::1]", root_domain, f"system.{root_domain}")
        return cls(root_domain, frozenset((*own, *more)), token)

    def __repr__(self) -> str:
        """Return the hosts; the token is nobody's business."""
        return f"Access(hosts={sorted(self.hosts)})"

    def host(self, scope: Mapping[str, Any]) -> None:
        """Raise HostUnknown unless there is one Host, and it is one of ours, on any port."""
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        given = hosts[0].decode("latin-1").lower() if len(hosts) == 1 else ""
        name = given if given.endswith("]") else given.rpartition(":")[0] or given
        if name.removesuffix(".") not in self.hosts:
            raise HostUnknown(
                f"this is not the host {given or '(none)'}",
                hint=f"ask for system.{self.root_domain}, or localhost",
            )

    def origin(self, scope: Mapping[str, Any]) -> None:
        """Raise OriginForeign where a browser says that another site's page asks for a change.

        A browser sends a password that it remembers with whatever any page makes it send.
        """
        if scope["method"] in ("GET", "HEAD", "OPTIONS"):
            return
        headers = dict(scope["headers"])
        origin = headers.get(b"origin", b"")
        if origin and origin.partition(b"://")[2].lower() != headers.get(b"host", b"").lower():
            raise OriginForeign(
                "a page of another site asks for this", hint="changes are made from our own pages"
            )

    def authorize(self, scope: Mapping[str, Any]) -> str:
        """Return who asks; TokenMissing unless the token comes as Bearer, or Basic password."""
        if (user := self.user(dict(scope["headers"]))) is None:
            raise TokenMissing(
                "this needs the token of this Pushline",
                hint="`pushline up` prints it in the git remote: as password, or as Bearer",
            )
        return user

    def user(self, headers: Mapping[bytes, bytes]) -> str | None:
        """Return who sends these headers; None: nobody with the token.

        The name is what Basic says, a label and no proof: there is one token.
        """
        name, token = _credentials(headers.get(b"authorization", b""))
        return name if hmac.compare_digest(token, self.token.encode()) else None


def _credentials(header: bytes) -> tuple[str, bytes]:
    """Return the user's name and the token that an Authorization header carries."""
    scheme, _, value = header.strip().partition(b" ")
    match scheme.lower():
        case b"bearer":
            return "token", value.strip()
        case b"basic":
            try:
                user, _, password = base64.b64decode(value.strip(), validate=True).partition(b":")
            except binascii.Error:
                return "", b""
            return user.decode("utf-8", "replace"), password
        case _:
            return "", b""
