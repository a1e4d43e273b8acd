"""Secrets that a stack names and nobody has: told before anything is built."""

from collections.abc import Sequence

import msgspec
import pytest

from bus.connection import Bus
from consumers.source.archive import Templates
from consumers.source.consumer import Source
from consumers.source.limits import SourceSettings
from consumers.source.remote import Remote
from consumers.source.secrets import Need
from schemas.envelope import Aggregate
from schemas.events.run import Problem, RunArchived, RunQueued, RunRejected, RunResolved
from schemas.repository import Repository
from schemas.secrets import Held
from tests.consumers.source.forge import HANDLER, HEAD, Forge
from tests.consumers.source.test_source import RUN, after, queued

NAMED = """
    lang: python3-http
    handler: ./hello
    secrets:
      - api-key
      - db
    build_secrets:
      npm: token
"""
STACK = HEAD + "  hello:" + NAMED
FILES = {"stack.yml": STACK, "hello/handler.py": HANDLER}
FIRST = STACK[: STACK.index("- api-key")].count("\n") + 1


class Store:
    """Knows names, and remembers what it was asked."""

    def __init__(self, given: Sequence[str] = (), withheld: Sequence[str] = ()) -> None:
        self.known: dict[str, Held] = dict.fromkeys(given, "given")
        self.known |= dict.fromkeys(withheld, "withheld")
        self.asked: list[tuple[str, str]] = []

    async def held(self, run: Aggregate, queued: RunQueued, needs: Sequence[Need]) -> list[Held]:
        """Return what is known of each, all others are none."""
        assert (run, queued.environment) == (RUN, "production")
        self.asked += [(need.of, need.name) for need in needs]
        return [self.known.get(need.name, "none") for need in needs]


def source_of(bus: Bus, forge: Forge, templates: Templates, store: Store, *honoured: str) -> Source:
    """Return the worker; every repository is the forge's one."""

    async def remotes(_: Aggregate, repository: Repository) -> Remote:
        assert repository.name == "hello"
        return Remote(forge.url)

    limits = SourceSettings(fetch_seconds=20)
    return Source(bus.log, bus.blobs, remotes, templates, limits, honoured, store)


async def test_all_missing_secrets_are_told_at_once(
    bus: Bus, forge: Forge, templates: Templates
) -> None:
    """Each with its line, its name and the command that sets it; nothing is archived."""
    store = Store(withheld=["db"])
    source = source_of(bus, forge, templates, store, "secrets", "build_secrets")
    event = await queued(bus, forge.commit(FILES))

    await source.handle(event)
    await source.handle(event)

    [rejected] = await after(bus, event)
    command = "pushline secrets set alice/hello"
    assert isinstance(rejected, RunRejected)
    assert rejected.code == "secret_missing"
    assert rejected.problems == (
        Problem(
            message="there is no secret api-key",
            cure=f"{command} api-key",
            line=FIRST,
            field="functions.hello.secrets[0]",
        ),
        Problem(
            message="previews do not get the secret db",
            cure=f"{command} db --previews",
            line=FIRST + 1,
            field="functions.hello.secrets[1]",
        ),
        Problem(
            message="there is no secret token",
            cure=f"{command} token",
            line=FIRST + 3,
            field="functions.hello.build_secrets.npm",
        ),
    )


async def test_a_run_with_all_its_secrets_is_archived(
    bus: Bus, forge: Forge, templates: Templates
) -> None:
    """What is asked about are those that builder and platform will ask for, no others."""
    store = Store(["db", "api-key"])
    source = source_of(bus, forge, templates, store, "secrets")
    event = await queued(bus, forge.commit(FILES))

    await source.handle(event)

    assert [type(fact) for fact in await after(bus, event)] == [RunResolved, RunArchived]
    assert store.asked == [("function", "api-key"), ("function", "db")]


@pytest.mark.parametrize("name", ["API_KEY", "a--b", "-a", "x" * 64])
async def test_a_name_that_no_secret_can_have_is_refused(
    bus: Bus, forge: Forge, templates: Templates, name: str
) -> None:
    """No command would set it, so the cure is another name."""
    source = source_of(bus, forge, templates, Store([name]), "secrets")
    stack = STACK.replace("api-key", repr(name))
    event = await queued(bus, forge.commit({**FILES, "stack.yml": stack}))

    await source.handle(event)

    [rejected] = await after(bus, event)
    assert isinstance(rejected, RunRejected)
    assert "small letters, digits and single inner dashes" in str(rejected.problems[0])


def test_a_need_has_no_value() -> None:
    """What is asked about goes into facts: it has a place for names alone."""
    assert set(msgspec.structs.asdict(Need(name="x", at=Problem("")))) == {
        "name", "at", "of", "namespace",
    }  # fmt: skip
