"""Source, seen by an operator: a real log, real git over HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator

import msgspec
import pytest

from bus import streams
from bus.connection import Bus, BusSettings
from bus.work import work
from consumers.source.archive import Templates
from consumers.source.consumer import Source
from consumers.source.limits import SourceSettings
from consumers.source.remote import Remote
from schemas.envelope import Aggregate, Recorded
from schemas.errors import SourceUnavailable
from schemas.events import Event
from schemas.events.run import (
    RunArchived,
    RunQueued,
    RunRejected,
    RunResolved,
    RunSuperseded,
)
from schemas.repository import Repository
from tests.consumers.source.forge import HANDLER, STACK, Forge

RUN = Aggregate("local", "alice/hello", "run", "01JD8Z6Q5V0000000000000000")
FILES = {"stack.yml": STACK, "hello/handler.py": HANDLER}


@pytest.fixture
def source(bus: Bus, forge: Forge, templates: Templates) -> Source:
    """Return the worker; every repository is the forge's one."""

    async def remotes(_: Aggregate, repository: Repository) -> Remote:
        assert repository.name == "hello"
        return Remote(forge.url)

    return Source(bus.log, bus.blobs, remotes, templates, SourceSettings(fetch_seconds=20))


async def queued(
    bus: Bus, sha: str, *, resolve: bool = False, environment: str = "production"
) -> Recorded[RunQueued]:
    """Queue the run; return the fact as it stands in the log."""
    fact = RunQueued(
        environment=environment,
        generation=1,
        branch="main",
        sha=sha,
        repository=Repository("alice", "hello", "main"),
        label="alice",
        resolve=resolve,
    )
    await bus.log.append(fact, of=RUN, id="planner:test:queued")
    found = await bus.log.last(RUN, RunQueued)
    assert found
    return found


async def after(bus: Bus, event: Recorded[RunQueued]) -> list[Event]:
    """Return the facts that came after the run was queued."""
    until = await bus.log.head()
    found: AsyncIterator[Recorded[Event]] = bus.follow.events(after=event.seq, until=until)
    return [recorded.fact async for recorded in found]


async def test_a_push_is_resolved_and_archived(bus: Bus, forge: Forge, source: Source) -> None:
    """One batch: the commit with its functions, and an archive for each, in the blobs."""
    sha = forge.commit(FILES)
    event = await queued(bus, sha)

    await source.handle(event)

    resolved, archived = await after(bus, event)
    assert resolved == RunResolved(sha, ("hello",))
    assert isinstance(archived, RunArchived)
    assert (archived.function, archived.language) == ("hello", "python3-http")
    assert len(await bus.blobs.get(archived.archive)) == archived.size
    spec = json.loads(await bus.blobs.get(archived.spec))
    assert (spec["name"], spec["handler"]) == ("hello", "hello")


async def test_a_redelivery_adds_nothing(bus: Bus, forge: Forge, source: Source) -> None:
    """Delivered twice, also after the branch has moved on, there is one batch."""
    forge.commit(FILES)
    event = await queued(bus, "0" * 40, resolve=True)
    await source.handle(event)
    first = await after(bus, event)
    forge.commit({"hello/handler.py": "def handle(e, c): pass\n"})

    await source.handle(event)

    assert await after(bus, event) == first


async def test_a_run_that_asks_gets_the_head(bus: Bus, forge: Forge, source: Source) -> None:
    """With resolve the forge's head counts, not the sha of the push."""
    old = forge.commit(FILES)
    head = forge.commit({"README": "x"})
    event = await queued(bus, old, resolve=True)

    await source.handle(event)

    resolved = (await after(bus, event))[0]
    assert isinstance(resolved, RunResolved)
    assert resolved.sha == head


@pytest.mark.conformance("getRawURL")
@pytest.mark.weakness(13)
async def test_the_very_commit_is_built(bus: Bus, forge: Forge, source: Source) -> None:
    """Without resolve the pushed commit counts, wherever the branch is by now."""
    old = forge.commit(FILES)
    forge.commit({"stack.yml": "broken: ["})
    event = await queued(bus, old)

    await source.handle(event)

    resolved = (await after(bus, event))[0]
    assert isinstance(resolved, RunResolved)
    assert resolved.sha == old


async def test_every_error_is_recorded(bus: Bus, forge: Forge, source: Source) -> None:
    """A stack with five errors is rejected with five problems, twice with one fact."""
    rows = "".join(f"  {name}: {{lang: static, handler: no-{name}}}\n" for name in "abcde")
    stack = "provider: {name: openfaas}\nfunctions:\n" + rows
    event = await queued(bus, forge.commit({"stack.yml": stack}))

    await source.handle(event)
    await source.handle(event)

    (rejected,) = await after(bus, event)
    assert isinstance(rejected, RunRejected)
    assert rejected.code == "stack_invalid"
    assert [problem.line for problem in rejected.problems] == [3, 4, 5, 6, 7]


@pytest.mark.parametrize(
    ("files", "status", "code"),
    [({"README": "x"}, 0, "stack_missing"), (FILES, 404, "source_refused")],
)
async def test_what_never_works_is_rejected(
    bus: Bus, forge: Forge, source: Source, *, files: dict[str, str], status: int, code: str
) -> None:
    """A missing stack and a closed repository end the run with a code."""
    event = await queued(bus, forge.commit(files))
    forge.status = status

    await source.handle(event)

    (rejected,) = await after(bus, event)
    assert isinstance(rejected, RunRejected)
    assert rejected.code == code


async def test_a_forge_in_trouble_leaves_the_run_open(
    bus: Bus, forge: Forge, source: Source
) -> None:
    """Nothing is recorded, for a later attempt may do."""
    event = await queued(bus, forge.commit(FILES))
    forge.status = 503

    with pytest.raises(SourceUnavailable):
        await source.handle(event)

    assert await after(bus, event) == []


async def test_a_run_ends_when_its_source_is_given_up(
    bus: Bus, forge: Forge, source: Source
) -> None:
    """Those who wait are told why; told twice, it stands once; an ended run stays as it is."""
    event = await queued(bus, forge.commit(FILES))

    await source.gave_up(event, "source_unavailable", "the forge is away")
    await source.gave_up(event, "source_unavailable", "the forge is away")

    (rejected,) = await after(bus, event)
    assert isinstance(rejected, RunRejected)
    assert rejected.code == "source_unavailable"
    assert "the forge is away" in str(rejected.problems[0])


async def test_an_ended_run_is_not_fetched(bus: Bus, forge: Forge, source: Source) -> None:
    """A superseded run costs one question to the log."""
    event = await queued(bus, forge.commit(FILES))
    await bus.log.append(RunSuperseded(by="other"), of=RUN, id="planner:test:superseded")

    await source.handle(event)

    assert forge.requests == []
    assert len(await after(bus, event)) == 1


async def test_a_run_that_ends_meanwhile_is_not_written(
    bus: Bus, forge: Forge, source: Source
) -> None:
    """Superseded during the fetch: what was made is dropped."""
    event = await queued(bus, forge.commit(FILES))
    forge.hold.clear()
    working = asyncio.create_task(source.handle(event))
    async with asyncio.timeout(20):
        while not forge.requests:  # noqa: ASYNC110 - another thread fills it
            await asyncio.sleep(0.01)
    await bus.log.append(RunSuperseded(by="other"), of=RUN, id="planner:test:superseded")

    forge.hold.set()
    await working

    assert await after(bus, event) == [RunSuperseded(by="other")]


async def test_warnings_reach_the_user(bus: Bus, forge: Forge, source: Source) -> None:
    """What is not honoured stands in the fact that the pusher's terminal shows."""
    stack = STACK.replace("./hello}", "./hello, namespace: x, colour: red}")
    event = await queued(bus, forge.commit({**FILES, "stack.yml": stack}))

    await source.handle(event)

    resolved = (await after(bus, event))[0]
    assert isinstance(resolved, RunResolved)
    assert [problem.field for problem in resolved.warnings] == [
        "functions.hello.namespace",
        "functions.hello.colour",
    ]


async def test_the_worker_loop_runs_it(
    bus: Bus, bus_settings: BusSettings, forge: Forge, source: Source
) -> None:
    """Driven by the bus, as in production."""
    await streams.ensure(bus_settings, [Source])
    event = await queued(bus, forge.commit(FILES))
    stopping = asyncio.Event()
    working = asyncio.create_task(work(bus, source, stopping))

    async with asyncio.timeout(20):
        async for recorded in bus.follow.events(after=event.seq):
            if isinstance(recorded.fact, RunArchived):
                break
    stopping.set()
    await working

    assert recorded.cause == event.id
    assert msgspec.json.encode(recorded.fact)
