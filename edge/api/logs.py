"""Lines of builds and functions, the newest at once or all as they come."""

from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
from litestar.response import ServerSentEvent
from litestar.response.base import ASGIResponse
from litestar.response.sse import ServerSentEventMessage

from bus.buildlogs import BuildLogs
from bus.lines import Line, Lines
from edge.api.access import while_allowed
from edge.api.functions import Function
from edge.api.runs import Run
from edge.api.shapes import LogLine, Page
from schemas import subjects
from schemas.errors import KeyInvalid, ObjectMissing

ANY = "\0"  # encodes to =00, which no name has; stands for any function or revision


def source_of_run(run: Run) -> str:
    """Return the filter of all lines of a run's builds."""
    return _any(subjects.build_log(run.forge, run.project, run.id, ANY))


def source_of_function(row: Function) -> str:
    """Return the filter of all lines of a function, whatever its revision."""
    name = f"{row.environment}/{row.function}"
    return _any(subjects.function_log(row.forge, row.project, name, ANY))


def _any(subject: str) -> str:
    return subject.removesuffix(subjects.encode(ANY)) + "*"


async def of_builds(lines: Lines, logs: BuildLogs, run: Run, limit: int) -> Page[LogLine]:
    """Return the newest lines of a run's builds, from their objects once LOGS has forgotten them.

    Raises BlobsUnavailable.
    """
    page = await latest(lines, source_of_run(run), limit)
    if page.items or run.ended is None:
        return page
    items: deque[LogLine] = deque(maxlen=limit)
    for function in run.parts:
        try:
            log = await logs.read(run.name, run.sha, function)
        except (ObjectMissing, KeyInvalid):
            continue
        for text in log.decode("utf-8", "replace").splitlines():
            items.append(LogLine(seq=0, time=run.ended, function=function, text=text))
    return Page(items=list(items), seq=0)


async def latest(lines: Lines, filter: str, limit: int) -> Page[LogLine]:
    """Return the newest lines, in order."""
    kept = deque([line async for line in lines.read(filter)], maxlen=limit)
    seq = kept[-1].seq if kept else 0
    return Page(items=[_shown(line) for line in kept], seq=seq)


def sent(lines: Lines, filter: str, limit: int, allowed: Callable[[], bool]) -> ServerSentEvent:
    """Return an answer that does not end: the newest lines, then each as it is written.

    It ends when whoever asked is not ``allowed`` any more.
    """
    return _Sent(while_allowed(_messages(lines, filter, limit), allowed))


class _Sent(ServerSentEvent):
    """An event stream, also of a handler whose other answer is JSON: its type would be taken."""

    def to_asgi_response(self, *args: Any, **more: Any) -> ASGIResponse:
        """Return it with the type that it has."""
        return super().to_asgi_response(*args, **more | {"media_type": "text/event-stream"})


async def _messages(lines: Lines, filter: str, limit: int) -> AsyncIterator[ServerSentEventMessage]:
    page = await latest(lines, filter, limit)
    for item in page.items:
        yield _message(item)
    async for line in lines.read(filter, after=page.seq, follow=True):
        yield _message(_shown(line))


def _message(item: LogLine) -> ServerSentEventMessage:
    return ServerSentEventMessage(data=msgspec.json.encode(item).decode(), id=str(item.seq))


def _shown(line: Line) -> LogLine:
    """Return a line with the function (and revision) that its subject names."""
    *_, fourth, last = line.subject.split(".")
    build = line.subject.startswith("log.build.")
    name = subjects.decode(last if build else fourth) or ""
    return LogLine(
        seq=line.seq,
        time=line.time,
        function=name.rpartition("/")[2],
        revision="" if build else subjects.decode(last) or last,
        text=line.text,
    )
