"""Source: what it records about a commit; the commit itself is not fetched again.

What stack.yml asked for stands in the archives' specs, which are blobs; the repository does not.
So checking the stack is not repeated, and what became of it is taken from the recorded facts.
"""

from dataclasses import dataclass
from functools import cache

import msgspec

from consumers.source.archive import Templates
from consumers.source.consumer import Source
from consumers.source.fetch import Commit
from consumers.source.limits import Refused, SourceSettings
from consumers.source.pack import Objects
from consumers.source.prepare import Archive, Prepared
from consumers.source.remote import Remote
from edge.cli.replay.decisions import NotRecorded
from edge.cli.replay.parts.part import Part, Scene
from schemas.envelope import Aggregate, Recorded
from schemas.events.run import RunArchived, RunQueued, RunRejected, RunResolved
from schemas.repository import Repository
from schemas.stack_spec import FunctionSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedSource(Source):
    """Source, with what came of fetching and checking as it was recorded."""

    scene: Scene
    found: list[Prepared]

    async def fetched(self, queued: Recorded[RunQueued]) -> Commit:
        """Return the commit that was resolved then, or refuse as it was refused then."""
        if (rejected := self.scene.recorded(RunRejected)) is not None:
            raise Refused(rejected.code, rejected.problems)
        resolved = self.scene.recorded(RunResolved)
        if resolved is None:
            raise NotRecorded(f"what commit {queued.fact.sha[:7]} holds")
        archives = [
            await self._archive(fact.fact)
            for fact in self.scene.decision.recorded
            if isinstance(fact.fact, RunArchived)
        ]
        self.found.append(Prepared(tuple(archives), resolved.warnings, resolved.previews))
        return Commit(resolved.sha, Objects())

    def prepared(self, commit: Commit) -> Prepared:  # noqa: ARG002
        """Return what was made of the commit then."""
        return self.found[-1]

    async def _archive(self, fact: RunArchived) -> Archive:
        spec = msgspec.json.decode(await self.scene.blobs.get(fact.spec), type=FunctionSpec)
        return Archive(spec, await self.scene.blobs.get(fact.archive))


async def _nowhere(of: Aggregate, repository: Repository) -> Remote:
    raise NotRecorded(f"{repository.full_name} at {of.forge}")


@cache
def _templates() -> Templates:
    return Templates()


def _make(scene: Scene) -> Source:
    return RecordedSource(
        events=scene.log,
        blobs=scene.blobs,
        remotes=_nowhere,
        templates=_templates(),
        settings=SourceSettings(),
        scene=scene,
        found=[],
    )


def source_part() -> Part:
    """Return source, in front of the recorded commits."""
    return Part(
        Source,
        "whether a commit is taken up, and the facts about its archives; what stack.yml says is "
        "taken from them, for the repository is not asked again",
        _make,
    )
