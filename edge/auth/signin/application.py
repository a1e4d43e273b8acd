"""The ASGI application of signing in: its paths at our own host, and ``/.pushline/`` at all."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import structlog

from edge.auth.desk import AttemptUsed, SessionGone
from edge.auth.door import HostUnknown, OriginForeign
from edge.auth.signin import approving, grants, instruments, leaving, links, login, onetime
from edge.auth.signin.attempt import Destination
from edge.auth.signin.cookies import ATTEMPT
from edge.auth.signin.errors import ProviderUnavailable, SignInRefused
from edge.auth.signin.grants import PREFIX
from edge.auth.signin.lobby import Lobby
from edge.auth.signin.places import to_login
from edge.auth.signin.reply import Reply, message, to
from edge.auth.signin.request import Receive, Request, Send, read
from edge.auth.verifier import NotReady
from schemas.errors import LogUnavailable, PushlineError

log = structlog.get_logger(__name__)

Handler: TypeAlias = Callable[[Lobby, Request], Awaitable[Reply]]

OWN: Final[dict[tuple[str, str], Handler]] = {
    ("GET", "/login"): login.login,
    ("GET", "/login/"): login.login,  # the predecessor's
    ("GET", "/oauth2/authorized"): login.login,  # the same; nothing that began there ends here
    ("GET", onetime.PATH): links.look,
    ("POST", onetime.PATH): links.use,
    ("GET", "/session"): leaving.session,
    ("GET", "/logout"): leaving.ask,
    ("POST", "/logout"): leaving.leave,
    ("GET", approving.PATH): approving.show,
    ("POST", approving.PATH): approving.answer,
}
EVERYWHERE: Final[dict[tuple[str, str], Handler]] = {
    ("GET", f"{PREFIX}login"): grants.ask,
    ("GET", f"{PREFIX}session"): grants.redeem,
    ("GET", f"{PREFIX}logout"): grants.leave,
}
_RETRY: Final = (b"retry-after", b"5")


@dataclass(frozen=True, slots=True)
class SignIn:
    """One for a process."""

    lobby: Lobby

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Answer with a page, whatever happens."""
        source = self.lobby.door.source(dict(scope["headers"]))
        reply = await self._reply(scope, receive, source)
        await reply.send(send)

    async def _reply(self, scope: Any, receive: Receive, source: str) -> Reply:
        path = scope["path"]
        try:
            request = await read(scope, receive, source)
            return await self._handled(request)
        except (SignInRefused, AttemptUsed, SessionGone, OriginForeign, HostUnknown) as error:
            return self._refused(path, source, error)
        except (LogUnavailable, NotReady) as error:
            return _later(error)
        except PushlineError as error:
            log.warning("sign_in_failed", path=path, code=error.code, message=error.message)
            return _broken()
        except Exception as error:
            log.exception("sign_in_failed", path=path, error=type(error).__name__)
            return _broken()

    async def _handled(self, request: Request) -> Reply:
        lobby = self.lobby
        if request.path.startswith(PREFIX):
            handler = EVERYWHERE.get((request.method, request.path))
            return await handler(lobby, request) if handler else _nothing()
        lobby.door.host(request.scope)
        handler = _of_path(request)
        if handler is None:
            return _nothing()
        if request.host != lobby.places.system_host:
            return _to_our_host(lobby, request)
        lobby.door.from_our_page(request.scope)
        reply = await handler(lobby, request)
        used = handler is login.callback
        return reply.with_headers(lobby.cookies.gone(ATTEMPT)) if used else reply

    def _refused(self, path: str, source: str, error: PushlineError) -> Reply:
        log.info("sign_in_refused", path=path, code=error.code, message=error.message)
        instruments.refused.labels(error.code).inc()
        self.lobby.auth.desk.denied(error.code, "sign-in", path, source)
        reply = message(
            getattr(error, "title", SignInRefused.title),
            error.message,
            error.hint,
            status=getattr(error, "status", 400),
            way=None if path.startswith(PREFIX) else (to_login(Destination()), "Sign in again"),
        )
        gone = self.lobby.cookies.gone(ATTEMPT)
        later = (_RETRY,) if isinstance(error, ProviderUnavailable) else ()
        callback = path.startswith(login.BACK)
        return reply.with_headers(*((gone,) if callback else ()), *later)


def _of_path(request: Request) -> Handler | None:
    """Return who answers; one segment below /login is a provider's name."""
    found = OWN.get((request.method, request.path))
    if found is not None or request.method != "GET":
        return found
    if request.path.startswith(login.BACK):
        return login.callback
    return login.start if request.path.startswith("/login/") else None


def _to_our_host(lobby: Lobby, request: Request) -> Reply:
    """Lead from another name of ours to the one that cookies and providers know."""
    if request.method != "GET":
        return message("Not here", "this is done at our own host", status=421)
    return to(lobby.places.at_system(request.path, request.query))


def _nothing() -> Reply:
    return message("Not found", "there is nothing here", status=404)


def _later(error: PushlineError) -> Reply:
    text = message(
        "In a moment", "we cannot tell who you are just now", "reload this page", status=503
    )
    log.info("sign_in_later", code=error.code)
    return text.with_headers(_RETRY)


def _broken() -> Reply:
    return message(
        "This went wrong",
        "nobody is signed in by this, and it is no fault of yours",
        "tell the operator: the reason stands in the log lines",
        status=500,
    )
