"""Forward-auth: a proxy asks whether a request may pass to a program that is none of ours.

``/auth/verify`` answers 200, 401 or 403, which is all that nginx's ``auth_request`` understands,
and tells in X-Pushline-Sign-In where a browser may be led. ``/auth/forward`` leads it there, for
Traefik's ``forwardAuth`` and Caddy's ``forward_auth``. Both are asked with X-Forwarded-Host, -Uri
and -Method of the request, and its own Cookie and Authorization. Whatever else they are told, only
the caller's own credentials open a host.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from edge.auth.people import Caller
from edge.auth.policy import Verdict
from edge.auth.protected import Rule
from edge.auth.verifier import NotReady, Verifier

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]

VERIFY: Final = "/auth/verify"
FORWARD: Final = "/auth/forward"
SIGN_IN: Final = "/.pushline/login?r="  # on the host itself, from where it leads back
_READING: Final = (b"GET", b"HEAD", b"OPTIONS")
_AUTHORITY: Final = re.compile(rb"([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")
_LONGEST: Final = 2048  # bytes of a path that one comes back to


@dataclass(frozen=True, slots=True)
class Asked:
    """The request that the proxy holds."""

    host: str
    authority: bytes  # the host with its port, as the proxy tells it
    uri: bytes
    method: bytes
    headers: Mapping[bytes, bytes]

    @property
    def navigates(self) -> bool:
        """Tell whether a person's browser opens a page, and may be led elsewhere."""
        mode = self.headers.get(b"sec-fetch-mode", b"")
        html = b"text/html" in self.headers.get(b"accept", b"")
        return self.method == b"GET" and (mode == b"navigate" if mode else html)

    @property
    def foreign(self) -> bool:
        """Tell whether another site's page may have made the browser ask for a change."""
        if self.method in _READING or b"cookie" not in self.headers:
            return False
        if self.headers.get(b"sec-fetch-site") == b"same-origin":
            return False
        return _name(self.headers.get(b"origin", b"").partition(b"://")[2]) != self.host


def asked(headers: list[tuple[bytes, bytes]]) -> Asked | None:
    """Return what the proxy tells of the request, None where it tells too little or twice."""
    by_name: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in by_name and name.startswith(b"x-forwarded-"):
            return None
        by_name[name] = value
    authority = by_name.get(b"x-forwarded-host", b"")
    host = _name(authority)
    method = by_name.get(b"x-forwarded-method", b"").upper()
    if not host or not method:
        return None
    return Asked(host, authority, by_name.get(b"x-forwarded-uri", b"/"), method, by_name)


def _name(authority: bytes) -> str:
    """Return the host of ``host[:port]`` in lower case, "" for what is none."""
    found = _AUTHORITY.fullmatch(authority.lower())
    return found[1].decode().removesuffix(".") if found else ""


Reply = tuple[int, bytes, tuple[tuple[bytes, bytes], ...]]  # status, body, more fields


def unauthorized(request: Asked) -> Reply:
    """Return what nobody that we know is told, and where its browser may sign in."""
    way = ((b"x-pushline-sign-in", _sign_in(request)),) if request.navigates else ()
    return 401, b"sign in first\n", ((b"www-authenticate", b"Bearer"), *way)


def to_sign_in(request: Asked) -> Reply:
    """Return the way to the sign-in page for a browser, which the proxy hands on.

    With scheme and host: Traefik takes a bare path for one of ours.
    """
    if not request.navigates:
        return unauthorized(request)
    scheme = b"http" if request.headers.get(b"x-forwarded-proto") == b"http" else b"https"
    to = b"%b://%b%b" % (scheme, request.authority, _sign_in(request))
    return 303, b"", ((b"location", to),)


def _sign_in(request: Asked) -> bytes:
    uri = request.uri if len(request.uri) <= _LONGEST else b"/"
    return (SIGN_IN + quote(uri, safe="")).encode()


@dataclass(frozen=True, slots=True)
class ForwardAuth:
    """ASGI application of one of the two paths."""

    verifier: Verifier
    rules: Mapping[str, Rule]
    nobody: Callable[[Asked], Reply]  # what is said where nobody has signed in

    async def __call__(self, scope: Message, receive: object, send: Send) -> None:  # noqa: ARG002
        """Answer 200 with who it is; else why not, and 503 until sessions can be verified."""
        status, body, more = self._reply(asked(scope["headers"]))
        headers = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", b"%d" % len(body)),
            (b"cache-control", b"no-store"),
            *more,
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _reply(self, request: Asked | None) -> Reply:
        if request is None:
            return 403, b"the proxy has to say X-Forwarded-Host and -Method, each once\n", ()
        rule = self.rules.get(request.host)
        if rule is None:
            return 403, b"this host is not among PUSHLINE_PROTECTED_HOSTS\n", ()
        try:
            caller = self._caller(request)
        except NotReady:
            return 503, b"try again in a moment\n", ((b"retry-after", b"1"),)
        verdict = rule.verdict(caller)
        if verdict is Verdict.SIGN_IN:
            return self.nobody(request)
        if verdict is not Verdict.YES or caller is None or request.foreign:
            return 403, b"you may not do this here\n", ()
        who = (b"x-pushline-user", caller.user), (b"x-pushline-login", caller.login)
        return 200, b"", tuple((name, _ascii(text)) for name, text in who)

    def _caller(self, request: Asked) -> Caller | None:
        given = request.headers
        return self.verifier.caller(
            authorization=given.get(b"authorization", b""),
            cookie=given.get(b"cookie", b""),
            host=request.host,
        )


def _ascii(text: str) -> bytes:
    return quote(text, safe=":/@-._~+").encode()
