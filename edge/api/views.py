"""The folds that the API reads, kept true by one follower of the log."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from bus.fold import Fold
from edge import domains
from edge.api import announced, environments, functions, projects, runs
from edge.api.announced import Announced
from edge.api.environments import Environment
from edge.api.functions import Function
from edge.api.problems import AmbiguousId, NotFound, NotYet
from edge.api.projects import Project
from edge.api.runs import Run
from edge.api.shapes import FunctionView, Page, RunItem, RunView, function_view, run_item, run_view
from edge.auth.policy import INSTALLATION, Resource
from edge.domains import Domain
from schemas import allowed, using
from schemas.allowed import Said
from schemas.quotas import UNLIMITED, Quota
from schemas.using import Using

PATIENCE = 10.0  # seconds that after=<seq> waits
SHORTEST = 4  # letters of an id or sha that stand for the whole


class Urls(Protocol):
    """Says where a function answers."""

    def __call__(self, label: str, environment: str, function: str) -> str:
        """Return the URL of a function in an environment of a tenant."""
        ...


class Sees(Protocol):
    """Says whether whoever asks may read a project."""

    def __call__(self, forge: str, name: str) -> bool:
        """Tell of the project ``owner/name``."""
        ...


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Views:
    """All that is read, at a known sequence. What somebody may not see is not there for him."""

    runs: Fold[Run]
    functions: Fold[Function]
    projects: Fold[Project]
    domains: Fold[Domain]
    environments: Fold[Environment]
    announced: Fold[Announced]
    using: Fold[Using]
    said: Fold[Said]
    url: Urls
    now: Callable[[], datetime] = _now  # what has not ended lasts until then
    current: Fold[Project] | None = None  # says whose a project is today, where this is the past
    quota: Quota = UNLIMITED  # of accounts that nothing was said of

    @classmethod
    def make(cls, snapshots: Path | None, url: Urls, quota: Quota = UNLIMITED) -> "Views":
        """Return empty folds, with snapshots in this folder."""
        return cls(
            Fold("api-runs", row=Run, key=runs.key, reduce=runs.reduce, snapshots=snapshots),
            Fold(
                "api-functions",
                row=Function,
                key=functions.key,
                reduce=functions.reduce,
                snapshots=snapshots,
            ),
            Fold(
                "api-projects",
                row=Project,
                key=projects.key,
                reduce=projects.reduce,
                snapshots=snapshots,
            ),
            Fold(
                "api-domains",
                row=Domain,
                key=domains.key,
                reduce=domains.reduce,
                snapshots=snapshots,
            ),
            Fold(
                "api-environments",
                row=Environment,
                key=environments.key,
                reduce=environments.reduce,
                snapshots=snapshots,
            ),
            Fold(
                "api-announced",
                row=Announced,
                key=announced.key,
                reduce=announced.reduce,
                snapshots=snapshots,
            ),
            Fold("api-using", row=Using, key=using.key, reduce=using.reduce, snapshots=snapshots),
            Fold(
                "api-quotas", row=Said, key=allowed.key, reduce=allowed.reduce, snapshots=snapshots
            ),
            url,
            quota=quota,
        )

    @property
    def folds(self) -> tuple[Fold[Any], ...]:
        """Return each of them; whoever serves them runs them."""
        return (
            self.runs,
            self.functions,
            self.projects,
            self.domains,
            self.environments,
            self.announced,
            self.using,
            self.said,
        )

    def then(self, state: Sequence[Fold[Any]], time: datetime) -> "Views":
        """Return the same with folds as they were, and today's names."""
        runs, functions, projects, domains, environments, announced, using, said = state
        return replace(
            self,
            runs=runs,
            functions=functions,
            projects=projects,
            domains=domains,
            environments=environments,
            announced=announced,
            using=using,
            said=said,
            now=lambda: time,
            current=self.projects,
        )

    def seen(self, row: Run | Function | Project | Environment | Announced, sees: Sees) -> bool:
        """Tell whether a row is of a project that may be seen: of whoever owns it now."""
        return sees(row.forge, self.name_of(row.forge, row.project, row.name))

    def name_of(self, forge: str, project: str, name: str) -> str:
        """Return what a project is called now, ``name`` for one that is not known."""
        current = (self.current or self.projects).rows.get(f"{forge}:{project}")
        return name if current is None else current.name

    def forges_of(self, name: str) -> set[str]:
        """Return the forges that have a repository of this name."""
        wanted = name.lower()
        return {row.forge for row in self.projects.rows.values() if row.name.lower() == wanted}

    def tenant_of(self, label: str) -> Resource:
        """Return the tenant of a label; the installation for one that nobody pushed to."""
        for row in self.functions.rows.values():
            if row.label == label:
                return Resource.of(row.forge, self.name_of(row.forge, row.project, row.name))
        return INSTALLATION

    async def page_of_runs(
        self, project: str, limit: int, cursor: int, after: int, sees: Sees
    ) -> Page[RunItem]:
        """Return runs, newest first, those before ``cursor`` only (0: from the newest)."""
        seq = await reached(self.runs, after)
        now = self.now()
        items: list[RunItem] = []
        for run in reversed(self.runs.rows.values()):
            if (cursor and run.seq >= cursor) or project not in ("", run.name, run.project):
                continue
            if not self.seen(run, sees):
                continue
            if len(items) == limit:
                return Page(items=items, seq=seq, cursor=str(items[-1].seq))
            items.append(run_item(run, now))
        return Page(items=items, seq=seq)

    async def one_run(self, id: str, after: int, sees: Sees) -> RunView:
        """Return a run by its id, by the start of it, or by the start of its commit's sha."""
        run = await self.run_row(id, after, sees)
        urls = {
            part.function: self.url(run.label, run.environment, part.function)
            for part in run.parts.values()
            if part.deployed
        }
        return run_view(run, self.now(), urls)

    async def run_row(self, id: str, after: int, sees: Sees) -> Run:
        """Return a run's row; raises as ``one_run``."""
        await reached(self.runs, after)
        run = self.runs.rows.get(id)
        return run if run is not None and self.seen(run, sees) else self._run_like(id, sees)

    def _run_like(self, start: str, sees: Sees) -> Run:
        if len(start) >= SHORTEST:
            # of several runs of one commit the newest is meant
            for run in reversed(self.runs.rows.values()):
                if run.sha.startswith(start.lower()) and self.seen(run, sees):
                    return run
            found = [
                run
                for run in self.runs.rows.values()
                if run.id.startswith(start.upper()) and self.seen(run, sees)
            ]
            if len(found) == 1:
                return found[0]
            if found:
                raise AmbiguousId(
                    f"{len(found)} runs begin with {start}", hint="write more of the id"
                )
        raise NotFound(f"no run {start}", hint="`pushline run ls` shows all of them")

    async def page_of_functions(
        self, project: str, limit: int, cursor: str, after: int, sees: Sees
    ) -> Page[FunctionView]:
        """Return functions by label, environment and name, those after ``cursor`` only."""
        seq = await reached(self.functions, after)
        rows = {
            f"{row.label}/{row.environment}/{row.function}": row
            for row in self.functions.rows.values()
            if project in ("", row.name, row.project) and self.seen(row, sees)
        }
        names = sorted(name for name in rows if name > cursor)
        items = [self._with_url(rows[name]) for name in names[:limit]]
        return Page(items=items, seq=seq, cursor=names[limit - 1] if len(names) > limit else "")

    async def one_function(
        self, label: str, name: str, environment: str, after: int, sees: Sees
    ) -> FunctionView:
        """Return one function."""
        await reached(self.functions, after)
        for row in self.functions.rows.values():
            place = (row.label, row.function, row.environment)
            if place == (label, name, environment) and self.seen(row, sees):
                return self._with_url(row)
        raise NotFound(
            f"no function {label}/{name} in {environment}",
            hint="`pushline functions ls` shows all of them",
        )

    def _with_url(self, row: Function) -> FunctionView:
        return function_view(row, self.url(row.label, row.environment, row.function))

    async def page_of_projects(
        self, limit: int, cursor: str, after: int, sees: Sees
    ) -> Page[Project]:
        """Return projects by name, those after ``cursor`` only."""
        seq = await reached(self.projects, after)
        rows = sorted(
            (row for row in self._projects_after(cursor) if self.seen(row, sees)),
            key=lambda row: row.name,
        )
        more = rows[limit - 1].name if len(rows) > limit else ""
        return Page(items=rows[:limit], seq=seq, cursor=more)

    def _projects_after(self, cursor: str) -> Iterator[Project]:
        return (row for row in self.projects.rows.values() if row.name > cursor)


class Following(Protocol):
    """What follows the log: a fold, or what stands for one."""

    @property
    def seq(self) -> int:
        """Return the sequence at which it is true."""
        ...

    async def reached(self, seq: int) -> None:
        """Wait until it is true at a sequence."""
        ...


async def reached(fold: Following, after: int) -> int:
    """Wait until a fold has come to a sequence; return the one it is true at."""
    try:
        async with asyncio.timeout(PATIENCE):
            await fold.reached(after)
    except TimeoutError as error:
        raise NotYet(
            f"the sequence {after} was not reached within {PATIENCE:.0f} s, this is at {fold.seq}",
            hint="the log may not have it yet: ask again",
        ) from error
    return fold.seq
