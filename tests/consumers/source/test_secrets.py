"""Secrets that a stack names and nobody has: told before anything is built."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import msgspec
import pytest

from bus.connection import Bus
from consumers.source.archive import Templates
from consumers.source.consumer import Source
from consumers.source.limits import SourceSettings
from consumers.source.remote import Remote
from consumers.source.secrets import Need
from schemas.envelope import Aggregate, Recorded
from schemas.events.run import Problem, RunArchived, RunQueued, RunRejected, RunResolved
from schemas.repository import Repository
from schemas.sealed import SealedRefused, SealedSecret
from schemas.secrets import Held
from tests.consumers.source.forge import HANDLER, HEAD, Forge
from tests.consumers.source.test_source import RUN, after, queued
from tests.schemas.test_sealed import KUBESEAL

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
PLAIN = HEAD + "  hello: {lang: python3-http, handler: ./hello}\n"
FILES = {"stack.yml": STACK, "hello/handler.py": HANDLER}
FIRST = STACK[: STACK.index("- api-key")].count("\n") + 1


class Store:
    """Knows names, and remembers what it was asked."""

    def __init__(self, given: Sequence[str] = (), withheld: Sequence[str] = ()) -> None:
        self.known: dict[str, Held] = dict.fromkeys(given, "given")
        self.known |= dict.fromkeys(withheld, "withheld")
        self.asked: list[tuple[str, str]] = []
        self.keepers: dict[str, str] = {}

    async def held(self, run: Aggregate, queued: RunQueued, needs: Sequence[Need]) -> list[Held]:
        """Return what is known of each, all others are none."""
        assert (run, queued.label) == (RUN, "alice")
        self.asked += [(need.of, need.name) for need in needs]
        return [self.known.get(need.name, "none") for need in needs]

    async def keeper(self, run: Aggregate, queued: RunQueued, name: str) -> str:
        """Return who is said to have it."""
        assert (run, queued.label) == (RUN, "alice")
        return self.keepers.get(name, "")


def source_of(bus: Bus, forge: Forge, templates: Templates, store: Store, *honoured: str) -> Source:
    """Return the worker; every repository is the forge's one."""

    async def remotes(_: Aggregate, repository: Repository) -> Remote:
        assert repository.name == "hello"
        return Remote(forge.url)

    limits = SourceSettings(fetch_seconds=20)
    return Source(bus.log, bus.blobs, remotes, templates, limits, honoured, secrets=store)


async def test_all_missing_secrets_are_told_at_once(
    bus: Bus, forge: Forge, templates: Templates
) -> None:
    """Each with its line, its name and the command that sets it; nothing is archived."""
    store = Store(withheld=["db"])
    source = source_of(bus, forge, templates, store, "secrets", "build_secrets")
    event = await queued(bus, forge.commit(FILES), environment="pr-1")

    await source.handle(event)
    await source.handle(event)

    [rejected] = await after(bus, event)
    command = "pushline secrets set alice/hello"
    assert isinstance(rejected, RunRejected)
    assert rejected.code == "secret_missing"
    assert rejected.problems == (
        Problem(
            message="there is no secret api-key",
            cure=f"{command} api-key --previews",
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
            cure=f"{command} token --previews",
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


class Cluster:
    """Where secrets are bound, as the port has it; remembers what it was given."""

    namespace = "openfaas-fn"

    def __init__(self, refuses: str = "") -> None:
        self.refuses = refuses
        self.bound: list[list[str]] = []

    async def bind(
        self, cause: Recorded[RunQueued], declared: Sequence[SealedSecret], *, sha: str
    ) -> None:
        """Take what is declared."""
        assert (cause.of, cause.fact.sha) == (RUN, sha)
        if self.refuses:
            raise SealedRefused(self.refuses, hint="seal it again")
        self.bound.append([one.name for one in declared])


SEALED = KUBESEAL.replace("alice-api", "alice-api-key")


def binding(source: Source, cluster: Cluster | None) -> Source:
    """Return the same worker, in front of a cluster."""
    return replace(source, binding=cluster)


async def test_a_secret_of_secrets_yml_is_bound_before_the_build(
    bus: Bus, forge: Forge, templates: Templates
) -> None:
    """It counts as one that is there; others are asked for as ever."""
    store, cluster = Store(["db"]), Cluster()
    source = binding(source_of(bus, forge, templates, store, "secrets"), cluster)
    event = await queued(bus, forge.commit({**FILES, "secrets.yml": SEALED}))

    await source.handle(event)

    assert [type(fact) for fact in await after(bus, event)] == [RunResolved, RunArchived]
    assert cluster.bound == [["alice-api-key"]]
    assert store.asked == [("function", "db")]


async def test_nothing_is_bound_for_a_run_that_is_refused(
    bus: Bus, forge: Forge, templates: Templates
) -> None:
    """It lacks another secret: production keeps what it has."""
    cluster = Cluster()
    source = binding(source_of(bus, forge, templates, Store(), "secrets"), cluster)
    event = await queued(bus, forge.commit({**FILES, "secrets.yml": SEALED}))

    await source.handle(event)

    assert [type(fact) for fact in await after(bus, event)] == [RunRejected]
    assert cluster.bound == []


async def test_what_is_sealed_and_set_here_as_well_is_refused(
    bus: Bus, forge: Forge, templates: Templates
) -> None:
    """Both would write one name: before the build, with its line and both ways out of it."""
    store, cluster = Store(["db", "api-key"]), Cluster()
    store.keepers = {"api-key": "alice", "db": "alice/hello"}
    source = binding(source_of(bus, forge, templates, store, "secrets"), cluster)
    event = await queued(bus, forge.commit({**FILES, "secrets.yml": "---\n" + SEALED}))

    await source.handle(event)

    [rejected] = await after(bus, event)
    assert isinstance(rejected, RunRejected)
    assert (rejected.code, cluster.bound) == ("secrets_invalid", [])
    assert rejected.problems == (
        Problem(
            message="alice has a secret api-key beside it: both would be alice-api-key",
            cure="pushline secrets rm alice api-key, or take it out of the file",
            file="secrets.yml",
            line=3,
            field="metadata.name",
        ),
    )


async def test_a_preview_binds_nothing(bus: Bus, forge: Forge, templates: Templates) -> None:
    """What it sealed would take the place of production's; its pusher is told so."""
    cluster = Cluster()
    source = binding(source_of(bus, forge, templates, Store(), "secrets"), cluster)
    files = {**FILES, "secrets.yml": SEALED, "stack.yml": PLAIN}
    event = await queued(bus, forge.commit(files), environment="pr-1")

    await source.handle(event)

    resolved = (await after(bus, event))[0]
    assert isinstance(resolved, RunResolved)
    assert "previews do not get what is sealed in it" in str(resolved.warnings[-1])
    assert cluster.bound == []


async def test_a_file_that_went_takes_its_secrets_along(
    bus: Bus, forge: Forge, templates: Templates
) -> None:
    """Production without a secrets.yml declares none: what it had bound is to go."""
    cluster = Cluster()
    source = binding(source_of(bus, forge, templates, Store(), "secrets"), cluster)
    event = await queued(bus, forge.commit({**FILES, "stack.yml": PLAIN}))

    await source.handle(event)

    assert cluster.bound == [[]]


class Refusal(NamedTuple):
    """A secrets.yml that ends its run, and what is told of it."""

    cluster: Cluster | None
    text: str
    code: str
    said: str


REFUSALS = (
    Refusal(None, SEALED, "secrets_invalid", "pushline secrets set alice/hello NAME for each"),
    Refusal(Cluster(), KUBESEAL.replace("alice", "bob"), "secrets_invalid", "secrets.yml:6: meta"),
    Refusal(Cluster("shut"), SEALED, "sealed_secret_refused", "secrets.yml: shut (seal it again)"),
)


@pytest.mark.weakness(12)
@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.said[:20])
async def test_what_cannot_be_bound_ends_the_run(
    bus: Bus, forge: Forge, templates: Templates, refusal: Refusal
) -> None:
    """On a platform without SealedSecrets, a tenant's that it is not, one that nobody opens."""
    source = binding(source_of(bus, forge, templates, Store(), "secrets"), refusal.cluster)
    files = {**FILES, "stack.yml": PLAIN, "secrets.yml": refusal.text}
    event = await queued(bus, forge.commit(files))

    await source.handle(event)

    [rejected] = await after(bus, event)
    assert isinstance(rejected, RunRejected)
    assert rejected.code == refusal.code
    assert refusal.said in "; ".join(map(str, rejected.problems))


def test_a_need_has_no_value() -> None:
    """What is asked about goes into facts: it has a place for names alone."""
    assert set(msgspec.structs.asdict(Need(name="x", at=Problem("")))) == {
        "name", "at", "of", "namespace",
    }  # fmt: skip
