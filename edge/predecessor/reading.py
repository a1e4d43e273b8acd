"""What the predecessor's endpoints read: our folds, USAGE and LOGS, as far as the caller may."""

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from bus.lines import Lines
from bus.usage import UsageLog
from edge.api.functions import Function
from edge.api.logs import source_of_function
from edge.api.views import Sees, Views
from edge.ingest.gate import Refusal
from edge.predecessor import listed
from edge.predecessor.listed import Status
from schemas import subjects
from schemas.environments import PRODUCTION
from schemas.usage import added

MOST: Final = 4 * 1024 * 1024  # bytes of a function's log in one answer


class Counts(msgspec.Struct, frozen=True):
    """The predecessor's answer of its metrics."""

    success: int  # answers below 400
    failure: int


@dataclass(frozen=True, slots=True)
class Reading:
    """Reads for one caller at a time; what he may not read is not there for him."""

    views: Views
    usage: UsageLog
    lines: Lines

    async def functions(
        self, user: str, environment: str, window: timedelta, sees: Sees
    ) -> list[Status]:
        """Return the live functions of an owner, whose name has no case."""
        rows = [
            row
            for row in self._live(environment or PRODUCTION, sees)
            if listed.owner(self._name(row)).lower() == user.lower()
        ]
        counts: Counter[str] = Counter()
        for forge, project in {(row.forge, row.project) for row in rows}:
            filter = subjects.usage(forge, project, "\0").rpartition(".")[0] + ".*"
            async for part in self.usage.since(filter, datetime.now(UTC) - window):
                counts[part.subject] += part.usage.invocations
        rows.sort(key=listed.service)
        return [self._status(row, counts) for row in rows]

    def one(self, name: str, user: str, sees: Sees) -> Function:
        """Return the function of a whole name; 404 for none, 409 where several have it."""
        found = [
            row
            for row in self._live("", sees)
            if listed.service(row).lower() == name.lower()
            and (not user or listed.owner(self._name(row)).lower() == user.lower())
        ]
        if not found:
            raise Refusal(404, "there is no such function")
        if len(found) > 1:
            raise Refusal(409, "several functions have this name: say whose, by user=")
        return found[0]

    async def log(self, row: Function, since: datetime, tail: int) -> str:
        """Return the newest lines of a function, of 4 MiB at most."""
        kept: deque[str] = deque()
        size = 0
        async for line in self.lines.read(source_of_function(row), since=since):
            if line.time < since:
                continue
            kept.append(line.text)
            size += len(line.text) + 1
            while len(kept) > tail or (size > MOST and kept):
                size -= len(kept.popleft()) + 1
        return "\n".join(kept).rstrip("\n")

    async def counts(self, row: Function, window: timedelta) -> Counts:
        """Return how many requests a function answered well, and how many not."""
        subject = subjects.usage(row.forge, row.project, f"{row.environment}/{row.function}")
        parts = self.usage.since(subject, datetime.now(UTC) - window)
        total = added([part.usage async for part in parts])
        failure = total.errors + total.refused
        return Counts(success=total.invocations - failure, failure=failure)

    def _live(self, environment: str, sees: Sees) -> Iterator[Function]:
        for row in self.views.functions.rows.values():
            if row.revision and environment in ("", row.environment) and self.views.seen(row, sees):
                yield row

    def _name(self, row: Function) -> str:
        return self.views.name_of(row.forge, row.project, row.name)

    def _status(self, row: Function, counts: Counter[str]) -> Status:
        subject = subjects.usage(row.forge, row.project, f"{row.environment}/{row.function}")
        return listed.status(
            row,
            self._name(row),
            self.views.projects.rows.get(f"{row.forge}:{row.project}"),
            self.views.runs.rows.get(row.run),
            invocations=counts[subject],
        )
