"""The predecessor's ``pipeline-log`` in its shapes: read a build's log, or put one there.

Bare ASGI, as ingest is, and with its order of checks: nothing is read for a request without a
signature, nothing is parsed before that holds over the raw bytes. Its own version let anybody
read any log, answered 200 for a missing one and took any path for a key.

- GET ``?repoPath=<owner>/<repo>&commitSHA=<sha>&function=<name>``,
  by who may read that project: the log as text
- POST a PipelineLog, signed: ``Wrote <n> bytes to <key>``
- 400 with the field's name · 401 · 404 there is no such log · 405 · 408 · 413 · 503 try again
"""

import re
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol
from urllib.parse import parse_qs

import msgspec
import structlog

from bus.buildlogs import BuildLogs
from bus.objects import checked
from edge.auth.asking import Asking
from edge.auth.door import Door
from edge.ingest.gate import Gate, Refusal, Share
from edge.ingest.receiving import Headers, Message, Receive, Send, announced, received
from edge.signatures import SETTING, Signature, signed
from schemas.errors import BlobsUnavailable, KeyInvalid, ObjectMissing

log = structlog.get_logger(__name__)

PATH: Final = "/pipeline-log"
LIMIT: Final = 16 * 1024 * 1024  # bytes of a POST
TIME: Final = 20.0  # seconds for a body to come
MOST_FIELDS: Final = 16  # of a query
LATER: Final = b"10"  # seconds, Retry-After

_hex = re.compile(r"[0-9A-Fa-f]{1,64}").fullmatch


class Posted(msgspec.Struct, frozen=True, rename="pascal"):
    """The predecessor's PipelineLog; ``Source`` is taken and has no use, as ever."""

    repo_path: str
    commit_sha: str = msgspec.field(name="CommitSHA")
    function: str
    source: str = ""
    data: str = ""


class Place(NamedTuple):
    """Whose log it is."""

    repository: str
    sha: str
    function: str

    def checked(self, fields: tuple[str, str, str]) -> "Place":
        """Return it; 400 names the field that cannot be part of a key."""
        for name, value in zip(fields, self, strict=True):
            if not value:
                raise Refusal(400, f"{name} is missing")
        try:
            checked(self.repository)
        except KeyInvalid as error:
            raise Refusal(400, f"{fields[0]} is no <owner>/<repository>: {error}") from None
        if not _hex(self.sha):
            raise Refusal(400, f"{fields[1]} is no commit")
        try:
            checked(f"function/{self.function.replace('/', chr(0))}")
        except KeyInvalid:
            raise Refusal(400, f"{fields[2]} is no function's name") from None
        return self


class Projects(Protocol):
    """The repositories that are known: ``edge.api.views.Views``."""

    def forges_of(self, name: str) -> set[str]:
        """Return the forges that have a repository of this name."""
        ...


@dataclass(frozen=True, slots=True)
class PipelineLog:
    """ASGI application of ``/pipeline-log``; without a secret nothing is put there."""

    logs: BuildLogs
    door: Door
    projects: Projects
    gate: Gate
    secret: bytes = field(repr=False)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a GET or a signed POST; raises what the door does for a GET."""
        try:
            match scope["method"]:
                case "GET":
                    asking = self.door.enter(scope)
                    text = await self.read(asking, scope.get("query_string", b""))
                case "POST":
                    with self.gate.entered() as share:
                        body = await self.body(dict(scope["headers"]), receive, share)
                        if body is None:
                            return
                        text = await self.write(body)
                case _:
                    raise Refusal(405, "pipeline-log, unknown request")
        except Refusal as refusal:
            await _answer(send, refusal.status, f"{refusal.text}\n".encode())
        except BlobsUnavailable as error:
            log.warning("pipeline_log_unavailable", code=error.code, message=str(error))
            await _answer(send, 503, b"the logs cannot be reached now; try again\n")
        else:
            await _answer(send, 200, text)

    async def read(self, asking: Asking, query: bytes) -> bytes:
        """Return the log that a query asks for; one that is not the caller's is not there."""
        try:
            given = parse_qs(query.decode("latin-1"), max_num_fields=MOST_FIELDS)
        except ValueError:
            raise Refusal(400, "the query has too many fields") from None
        fields = ("repoPath", "commitSHA", "function")
        place = Place(*(given.get(name, [""])[0] for name in fields)).checked(fields)
        if not self._seen(asking, place.repository):
            raise Refusal(404, "there is no such log")
        try:
            return await self.logs.read(*place)
        except ObjectMissing:
            raise Refusal(404, "there is no such log") from None

    def _seen(self, asking: Asking, repository: str) -> bool:
        """Tell whether the caller may read all repositories of this name.

        The place of a log does not say which forge's it is: of two of one name none is told to
        somebody who knows but one. What nobody has pushed is for operators.
        """
        if asking.may("operate"):
            return True
        forges = self.projects.forges_of(repository)
        return bool(forges) and all(asking.sees(forge, repository) for forge in forges)

    async def body(self, headers: Headers, receive: Receive, share: Share) -> bytes | None:
        """Return a body that is signed, None when the sender has gone."""
        announced(headers, LIMIT)
        if not self.secret:
            log.warning("payload_secret_unset", setting=SETTING)
            raise Refusal(401, "no payload secret is set here")
        if Signature.claimed(headers, self.secret) is None:
            raise Refusal(401, "not signed")
        body = await received(receive, share, limit=LIMIT, within=TIME)
        if body is not None and not signed(headers, body, self.secret):
            raise Refusal(401, "the signature does not fit")
        return body

    async def write(self, body: bytes) -> bytes:
        """Store what is posted; return the predecessor's answer."""
        try:
            posted = msgspec.json.decode(body, type=Posted)
        except msgspec.DecodeError as error:
            raise Refusal(400, f"this is no PipelineLog: {error}") from None
        place = Place(posted.repo_path, posted.commit_sha, posted.function)
        place.checked(("RepoPath", "CommitSHA", "Function"))
        data = posted.data.encode("utf-8", "replace")
        try:
            key = await self.logs.write(*place, data)
        except KeyInvalid as error:
            raise Refusal(400, f"RepoPath: {error}") from None
        log.info("pipeline_log_written", key=key, bytes=len(data))
        return f"Wrote {len(data)} bytes to {key}\n".encode()


async def _answer(send: Send, status: int, body: bytes) -> None:
    """Send a whole answer, as the text that it is."""
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", b"%d" % len(body)),
        (b"x-content-type-options", b"nosniff"),
    ]
    if status == 503:
        headers.append((b"retry-after", LATER))
    if status == 405:
        headers.append((b"allow", b"GET, POST"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
