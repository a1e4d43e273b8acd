"""Source: fetch the pushed commit, check its stack, pack one archive a function.

Reads   run.queued/1; by its folds what accounts may have and what they use
Writes  run.resolved/1 and a run.archived/1 per function in one batch, or run.rejected/1
Calls   the repository's forge, and whoever knows which secrets there are
Twice   is harmless: a commit's archives are the same bytes each time, the batch stands once
"""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final, Literal

import msgspec
import structlog

from bus.blobs import Blobs
from bus.blocking import run_blocking
from bus.log import Draft, EventLog
from consumers.source.archive import Templates
from consumers.source.fetch import Commit, fetch
from consumers.source.limits import Deadline, Refused, SourceSettings, refused
from consumers.source.prepare import SHOWN, Prepared, prepare
from consumers.source.quota import Quotas, Usual, need_of
from consumers.source.remote import Remotes
from consumers.source.secrets import (
    AllKnown,
    Binding,
    KnownSecrets,
    declared,
    missing,
    twofold,
    unbound,
    without,
)
from consumers.source.tree import Tree
from schemas.envelope import Recorded
from schemas.environments import is_preview
from schemas.errors import Conflict
from schemas.events.run import ENDED, Problem, RunArchived, RunQueued, RunRejected, RunResolved
from schemas.ids import Digest, Sha, event_id
from schemas.sealed import FILE, SealedRefused
from schemas.tenants import account

TRIES: Final = 20  # decisions on one run, before it waits its turn again

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Source:
    """A worker; ``bus/work`` calls ``handle``."""

    events: EventLog
    blobs: Blobs
    remotes: Remotes
    templates: Templates
    settings: SourceSettings
    honoured: Collection[str] = ()  # fields of stack.yml that builder and platform act on
    quotas: Quotas | None = None  # None: accounts may have anything
    secrets: KnownSecrets = field(default_factory=AllKnown)
    binding: Binding | None = None  # of secrets.yml; None: it is refused
    durable: ClassVar[str] = "source"
    reads: ClassVar[tuple[type[RunQueued], ...]] = (RunQueued,)
    begins: ClassVar[Literal["first", "now"]] = "first"
    tells: ClassVar[bool] = True

    @property
    def places(self) -> int:
        """Return how many commits are worked on at once."""
        return self.settings.places

    def key(self, queued: Recorded[RunQueued]) -> str:
        """Return the project: its pushes come one after the other."""
        return f"{queued.of.forge}/{queued.of.project}"

    def lane(self, queued: Recorded[RunQueued]) -> str:
        """Return whose the pushes are: accounts take turns."""
        return account(queued.of.forge, queued.name)

    async def handle(self, queued: Recorded[RunQueued]) -> None:
        """Resolve or reject, unless the run has ended or was resolved before."""
        # A branch that is asked for again may have another head: what was resolved first holds.
        if await self.events.last(queued.of, *ENDED, RunResolved):
            log.info("source_skipped", run=queued.of.id)
            return
        try:
            commit = await self.fetched(queued)
            prepared = await run_blocking(self.prepared, commit)
            await self.bind_secrets(queued, commit.sha, prepared)
            await self.resolve(queued, commit.sha, prepared)
        except Refused as refusal:
            await self.reject(queued, refusal)

    async def fetched(self, queued: Recorded[RunQueued]) -> Commit:
        """Return the commit that this run is about, or the head where it asks for that."""
        fact = queued.fact
        remote = await self.remotes(queued.of, fact.repository)
        sha = "" if fact.resolve else fact.sha
        return await fetch(remote, fact.branch, sha, self.settings, ref=fact.ref)

    def prepared(self, commit: Commit) -> Prepared:
        """Return the archives of a commit; blocks."""
        deadline = Deadline(self.settings.fetch_seconds)
        tree = Tree(commit.sha, commit.objects, self.settings, deadline)
        return prepare(tree, self.templates, self.honoured)

    async def bind_secrets(self, queued: Recorded[RunQueued], sha: Sha, prepared: Prepared) -> None:
        """Have the cluster hold what production's commit declares; raises Refused.

        Refused also, and nothing bound, when the stack names secrets that this run would not get,
        and when a secret is sealed there and set here.
        """
        sealed = declared(prepared.sealed, queued.fact, self.binding)
        if problems := await twofold(self.secrets, queued.of, queued.fact, sealed):
            raise Refused("secrets_invalid", problems[:SHOWN])
        where = self.binding.namespace if self.binding else ""
        needs = without(prepared.needs, sealed, queued.fact.label, where)
        problems = await missing(self.secrets, queued.of, queued.fact, needs)
        if problems:
            raise Refused("secret_missing", problems[:SHOWN])
        if self.binding is None or is_preview(queued.fact.environment):
            return
        if await self.events.last(queued.of, *ENDED):
            return
        try:
            await self.binding.bind(queued, sealed, sha=sha)
        except SealedRefused as error:
            raise refused(error.code, error.message, error.hint, file=FILE) from error

    async def reject(self, queued: Recorded[RunQueued], refusal: Refused) -> None:
        """Record why this commit will never run."""
        if await self.events.last(queued.of, *ENDED):
            return
        fact = RunRejected(queued.fact.sha, refusal.problems, refusal.reason)
        key = event_id(self.durable, queued.id, fact)
        await self.events.append(fact, of=queued.of, id=key, cause=queued, actor=self.durable)
        log.info("run_rejected", run=queued.of.id, code=refusal.reason)

    async def gave_up(self, queued: Recorded[RunQueued], code: str, reason: str) -> None:
        """End the run for those who wait for it: its commit was not to be had."""
        problem = Problem(reason, "push again once that is mended", file="repository")
        await self.reject(queued, Refused(code, (problem,)))

    async def resolve(self, queued: Recorded[RunQueued], sha: Sha, prepared: Prepared) -> None:
        """Store the archives, then record all of them at once."""
        archives = prepared.archives
        bodies = [archive.tar for archive in archives]
        bodies += [msgspec.json.encode(archive.spec, order="deterministic") for archive in archives]
        digests = await asyncio.gather(*map(self.blobs.put, bodies))
        drafts = self.drafts(queued, sha, prepared, digests)
        for _ in range(TRIES):
            if await self.events.last(queued.of, *ENDED):
                log.info("source_skipped", run=queued.of.id)
                return
            guarded = await self.guarded(queued, prepared, drafts)
            try:
                await self.events.append_all(guarded, cause=queued, actor=self.durable)
            except Conflict:  # another run of the forge was taken up meanwhile
                continue
            log.info("run_resolved", run=queued.of.id, sha=sha, functions=len(archives))
            return
        raise Conflict(f"other runs were taken up {TRIES} times while {queued.of.id} was")

    def drafts(
        self, queued: Recorded[RunQueued], sha: Sha, prepared: Prepared, digests: Sequence[Digest]
    ) -> list[Draft]:
        """Return the facts about a commit: what it is, then each of its archives."""
        archives = prepared.archives
        names = tuple(archive.spec.name for archive in archives)
        warnings = (*prepared.warnings, *unbound(prepared.sealed, queued.fact))[:SHOWN]
        resolved = RunResolved(sha, names, warnings, prepared.previews)
        drafts = [Draft(resolved, queued.of, event_id(self.durable, queued.id, resolved))]
        pairs = zip(digests, digests[len(archives) :], strict=False)
        for archive, (tar, spec) in zip(archives, pairs, strict=False):
            need = need_of(archive.spec, self.usual)
            fact = RunArchived(
                function=archive.spec.name,
                archive=tar,
                spec=spec,
                language=archive.spec.language,
                size=len(archive.tar),
                replicas=need.replicas,
                memory=need.memory,
            )
            key = event_id(self.durable, queued.id, fact, fact.function)
            drafts.append(Draft(fact, queued.of, key))
        return drafts

    async def guarded(
        self, queued: Recorded[RunQueued], prepared: Prepared, drafts: list[Draft]
    ) -> list[Draft]:
        """Return the facts, guarded where a quota had to be asked; raises Refused."""
        archives = prepared.archives
        if self.quotas is None or not archives:
            return drafts
        specs = [archive.spec for archive in archives]
        guard = await self.quotas.admitted(self.events, queued, specs)
        if guard is None:
            return drafts
        resolved, first, *more = drafts
        return [resolved, msgspec.structs.replace(first, guard=guard), *more]

    @property
    def usual(self) -> Usual:
        """Return what a function takes where its stack says nothing."""
        return Usual() if self.quotas is None else self.quotas.usual
