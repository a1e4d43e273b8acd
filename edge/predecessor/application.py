"""The predecessor's ``list-functions``, ``function-logs`` and ``system-metrics``.

Bare ASGI, by the door as all else: in the predecessor nobody was asked who he is. Its paths at the
gateway, ``/function/system-…``, lead here too.

- list-functions: GET ``?user=`` or ``?username=``, or POST the name: an array of FunctionStatus;
  ``environment=`` other than production, ``metrics_window=`` of invocationCount
- function-logs: GET ``?function=<owner>-<name>&user=``: the last 30 minutes as text;
  ``since=`` a moment or how long ago, ``tail=`` lines
- system-metrics: GET ``?function=<owner>-<name>[.<namespace>]&metrics_window=60m``:
  ``{"success":n,"failure":n}``
- 400 with the field's name · 401 · 404 what is not there for the caller · 405 · 409 · 413 · 503
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs

import msgspec

from edge.auth.asking import Asking
from edge.ingest.gate import Gate, Refusal
from edge.ingest.receiving import Message, Receive, Send, announced, received
from edge.predecessor import paths
from edge.predecessor.period import period, since
from edge.predecessor.reading import Reading

USER_REQUIRED: Final = "User is required as POST or querystring i.e. ?user=alexellis."
WINDOW: Final = "60m"
LOGGED: Final = timedelta(minutes=30)
LIMIT: Final = 1024  # bytes of a POST: a name
TIME: Final = 10.0  # seconds for it to come
MOST_FIELDS: Final = 16  # of a query
MOST_LINES: Final = 10_000
TEXT, JSON = b"text/plain; charset=utf-8", b"application/json"

Fields = Mapping[str, str]


class Answer(NamedTuple):
    """What is sent."""

    kind: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class Shapes:
    """ASGI application of all of them; ``paths.ALL`` says where."""

    reading: Reading
    enter: Callable[[Mapping[str, Any]], Asking]  # the door's
    gate: Gate

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer; raises what the door does."""
        asking = self.enter(scope)
        endpoint = paths.ALL[scope["path"]]
        allowed = ("GET", "POST") if endpoint == paths.LIST_FUNCTIONS else ("GET",)
        try:
            if scope["method"] not in allowed:
                raise Refusal(405, f"{endpoint} takes {' and '.join(allowed)}")
            fields = _fields(scope.get("query_string", b""))
            if scope["method"] == "POST":
                posted = await self._posted(scope, receive)
                if posted is None:
                    return
                fields = fields | ({"user": posted} if posted else {})
            answer = await self._answer(endpoint, fields, asking)
        except Refusal as refusal:
            body = f"{refusal.text}\n".encode()
            await _send(send, refusal.status, Answer(TEXT, body), allowed)
        else:
            await _send(send, 200, answer, allowed)

    async def _posted(self, scope: Message, receive: Receive) -> str | None:
        """Return the name in a body, None when its sender has gone."""
        announced(dict(scope["headers"]), LIMIT)
        with self.gate.entered() as share:
            body = await received(receive, share, limit=LIMIT, within=TIME)
        return None if body is None else body.decode("utf-8", "replace").strip()

    async def _answer(self, endpoint: str, fields: Fields, asking: Asking) -> Answer:
        match endpoint:
            case paths.LIST_FUNCTIONS:
                return await self._list(fields, asking)
            case paths.FUNCTION_LOGS:
                return await self._logs(fields, asking)
            case _:
                return await self._metrics(fields, asking)

    async def _list(self, fields: Fields, asking: Asking) -> Answer:
        user = fields.get("user") or fields.get("username", "")
        if not user:
            return Answer(TEXT, USER_REQUIRED.encode())  # 200, as ever
        window = _window(fields)
        environment = fields.get("environment", "")
        found = await self.reading.functions(user, environment, window, asking.sees)
        return Answer(JSON, msgspec.json.encode(found))

    async def _logs(self, fields: Fields, asking: Asking) -> Answer:
        row = self.reading.one(_required(fields), fields.get("user", ""), asking.sees)
        now = datetime.now(UTC)
        begin = since(text, "since", now) if (text := fields.get("since")) else now - LOGGED
        log = await self.reading.log(row, begin, _tail(fields))
        return Answer(TEXT, log.encode("utf-8", "replace"))

    async def _metrics(self, fields: Fields, asking: Asking) -> Answer:
        window = _window(fields)
        name = _required(fields).partition(".")[0]  # of its namespace: the log knows where it is
        row = self.reading.one(name, fields.get("user", ""), asking.sees)
        return Answer(JSON, msgspec.json.encode(await self.reading.counts(row, window)))


def _fields(query: bytes) -> dict[str, str]:
    try:
        given = parse_qs(query.decode("latin-1"), max_num_fields=MOST_FIELDS)
    except ValueError:
        raise Refusal(400, "the query has too many fields") from None
    return {name: values[-1] for name, values in given.items()}


def _required(fields: Fields) -> str:
    if not (name := fields.get("function")):
        raise Refusal(400, "function is missing")
    return name


def _window(fields: Fields) -> timedelta:
    return period(fields.get("metrics_window", WINDOW), "metrics_window")


def _tail(fields: Fields) -> int:
    text = fields.get("tail", str(MOST_LINES))
    if not (text.isascii() and text.isdigit() and 0 < int(text[:6]) <= MOST_LINES):
        raise Refusal(400, f"tail is no number from 1 to {MOST_LINES}")
    return int(text[:6])


async def _send(send: Send, status: int, answer: Answer, allowed: tuple[str, ...]) -> None:
    headers = [
        (b"content-type", answer.kind),
        (b"content-length", b"%d" % len(answer.body)),
        (b"x-content-type-options", b"nosniff"),
    ]
    if status == 405:
        headers.append((b"allow", ", ".join(allowed).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
