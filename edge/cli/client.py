"""The users' commands as a client of ``/api``: of the ``up`` of this machine, or of a context."""

import base64
import getpass
import http.client
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from edge.api.shapes import LogLine, Page
from edge.cli.contexts import Context
from edge.cli.home import Endpoint, NotRunning
from schemas.errors import PushlineError

TIMEOUT = 30.0  # seconds until an answer begins; the API itself waits 10 s for after=<seq>

T = TypeVar("T")


class ApiRefused(PushlineError):
    """The API answered with a problem."""

    def __init__(
        self, message: str, *, hint: str = "", code: str = "api_refused", status: int = 0
    ) -> None:
        """Carry the problem's own code, and the answer's status."""
        super().__init__(message, hint=hint)
        self.status = status
        self.code = code  # type: ignore[misc] # the answer says which of many it is


class _Refusal(msgspec.Struct, frozen=True):
    """What is read of a problem; whatever stands between may answer with less."""

    detail: str = ""
    hint: str = ""
    code: str = "api_refused"


class Api:
    """Asks the running ``up`` of one home, or a Pushline elsewhere."""

    def __init__(self, target: Endpoint | Context) -> None:
        """Remember where; nothing is sent yet."""
        self._target = target

    def get(self, path: str, kind: type[T], /, **query: object) -> T:
        """Return what is at a path; raises ApiRefused, or NotRunning."""
        return self._answer(path, kind, *self._ask("GET", path, query, TIMEOUT))

    def send(
        self,
        method: str,
        path: str,
        kind: type[T],
        body: object = None,
        *,
        timeout: float = TIMEOUT,
        **query: object,
    ) -> T:
        """Change something, in the name of this machine's user; raises as ``get``."""
        return self._answer(path, kind, *self._ask(method, path, query, timeout, body))

    def _answer(
        self,
        path: str,
        kind: type[T],
        response: http.client.HTTPResponse,
        connection: http.client.HTTPConnection,
    ) -> T:
        try:
            return msgspec.json.decode(response.read(), type=kind)
        except msgspec.DecodeError as error:
            raise ApiRefused(
                f"{path} answered in a shape that this version does not know: {error}",
                hint="is `pushline up` of the same version? restart it",
            ) from error
        finally:
            connection.close()

    def pages(self, path: str, kind: type[Page[T]], limit: int, **query: object) -> Iterator[T]:
        """Yield up to ``limit`` items (0: all), page after page."""
        cursor, left = "", limit or sys.maxsize
        while left > 0:
            page = self.get(path, kind, **query, limit=min(left, 100), cursor=cursor)
            yield from page.items
            left -= len(page.items)
            cursor = page.cursor
            if not cursor:
                return

    def lines(self, path: str, *, follow: bool, **query: object) -> Iterator[LogLine]:
        """Yield log lines; with ``follow`` those that come too, until the server ends."""
        if not follow:
            yield from self.get(path, Page[LogLine], **query).items
            return
        response, connection = self._ask("GET", path, {**query, "follow": "true"}, None)
        try:
            while text := response.readline():
                if text.startswith(b"data:"):
                    yield msgspec.json.decode(text[5:].strip(), type=LogLine)
        finally:
            connection.close()

    @contextmanager
    def stream(
        self, path: str, timeout: float, /, **query: object
    ) -> Iterator[http.client.HTTPResponse]:
        """Yield an answer that goes on; a silence longer than ``timeout`` is an OSError."""
        response, connection = self._ask("GET", path, query, timeout)
        try:
            yield response
        finally:
            connection.close()

    def _ask(
        self,
        method: str,
        path: str,
        query: dict[str, object],
        timeout: float | None,
        body: object = None,
    ) -> tuple[http.client.HTTPResponse, http.client.HTTPConnection]:
        asked = {name: value for name, value in query.items() if value not in ("", None)}
        target = quote(path) + (f"?{urlencode(asked)}" if asked else "")
        sent = None if body is None else msgspec.json.encode(body)
        try:
            connection, headers = connected(self._target, timeout)
            connection.request(method, target, body=sent, headers=headers)
            response = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            raise unreachable(self._target, error) from error
        if response.status == 200:
            return response, connection
        refusal = _refusal(response.read())
        connection.close()
        raise ApiRefused(
            refusal.detail or f"{path} answered {response.status} {response.reason}",
            hint=refusal.hint if response.status != 401 else _again(self._target, refusal.hint),
            code=refusal.code,
            status=response.status,
        )


def connected(
    target: Endpoint | Context, timeout: float | None
) -> tuple[http.client.HTTPConnection, dict[str, str]]:
    """Return a connection, and the headers of who asks; raises OSError."""
    headers = {"Accept": "application/json"}
    if isinstance(target, Context):
        if target.token:
            headers["Authorization"] = f"Bearer {target.token}"
        return _elsewhere(target.url, timeout), headers
    headers |= {"Host": f"localhost:{target.port}", "Authorization": _authorization(target.token)}
    connection = http.client.HTTPConnection(target.host, target.port, timeout=timeout)
    if target.socket:
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(timeout)
        connection.sock.connect(target.socket)
    return connection, headers


def _elsewhere(url: str, timeout: float | None) -> http.client.HTTPConnection:
    """Return a connection by TLS, or within this machine without."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "https":
        return http.client.HTTPSConnection(host, parts.port, timeout=timeout)
    connection = http.client.HTTPConnection(host, parts.port, timeout=timeout)
    if host.endswith(".localhost"):  # which not every resolver knows
        connection.sock = socket.create_connection(("127.0.0.1", parts.port or 80), timeout)
    return connection


def unreachable(target: Endpoint | Context, error: Exception) -> NotRunning:
    """Return what is said of a Pushline that does not answer."""
    there = isinstance(target, Context)
    hint = (
        "is the address right? `pushline context show`" if there else "start it with `pushline up`"
    )
    return NotRunning(f"{target.url} does not answer: {error}", hint=hint)


def _again(target: Endpoint | Context, hint: str) -> str:
    """Return what to do about a token that is good no more."""
    return f"sign in again: pushline login {target.url}" if isinstance(target, Context) else hint


def _authorization(token: str) -> str:
    """Return the token, and who sends it: a label for the record, no proof."""
    try:
        user = getpass.getuser().replace(":", "-")
    except (KeyError, OSError):  # a container's number without a name
        user = "token"
    return "Basic " + base64.b64encode(f"{user}:{token}".encode()).decode()


def _refusal(body: bytes) -> _Refusal:
    try:
        return msgspec.json.decode(body, type=_Refusal)
    except msgspec.DecodeError:
        return _Refusal()
