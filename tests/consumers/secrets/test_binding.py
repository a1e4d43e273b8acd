"""Binding: what secrets.yml says becomes what the cluster has, by a strict API on loopback."""

import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest

from bus.connection import Bus
from consumers.secrets.binding import Binder
from consumers.secrets.kubernetes import Kubernetes
from schemas.envelope import Aggregate, Recorded
from schemas.events import Event
from schemas.events.run import RunQueued
from schemas.events.secret import SecretBound, SecretUnbound, SecretUnwanted
from schemas.repository import Repository
from schemas.sealed import ClusterUnavailable, SealedRefused, SealedSecret
from tests.bus.authority import Authority
from tests.heavy.cluster.played import NAMESPACE, Cluster, seal, served


def run_of(project: str, number: int = 1) -> Aggregate:
    """Return a run of a project."""
    return Aggregate("github", project, "run", f"01JD8Z6Q5V000000000000000{number}")


async def queued(bus: Bus, project: str = "7", number: int = 1) -> Recorded[Event]:
    """Queue a run; return its fact."""
    fact = RunQueued(
        environment="production",
        generation=number,
        branch="main",
        sha=str(number) * 40,
        repository=Repository("alice", "shop", "main"),
        label="alice",
    )
    of = run_of(project, number)
    await bus.log.append(fact, of=of, id=f"planner:{project}:{number}")
    found = await bus.log.last(of, RunQueued)
    assert found
    return found


def sealed(name: str, **values: str) -> SealedSecret:
    """Return a secret as a repository declares it."""
    return SealedSecret(name=name, values={key: seal(value) for key, value in values.items()})


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    """Yield a cluster; whatever is done to it has to be as documented."""
    made = Cluster()
    runner = await served(made)
    yield made
    await runner.cleanup()
    assert made.faults == []


@pytest.fixture
async def binder(bus: Bus, cluster: Cluster, tmp_path: Path) -> AsyncIterator[Binder]:
    """Yield a binder that the cluster knows by its token."""
    (tmp_path / "token").write_text(f"{cluster.token}\n")
    api = Kubernetes(cluster.url, tmp_path, NAMESPACE, "here")
    yield Binder(bus.log, api, wait=0.5)
    await api.close()


async def bind(binder: Binder, cause: Recorded[Event], *declared: SealedSecret) -> None:
    """Have the cluster hold what the commit of a run declares."""
    assert isinstance(cause.fact, RunQueued)
    await binder.bind(cause, declared, sha=cause.fact.sha)


async def facts(bus: Bus, after: int) -> list[tuple[str, Event]]:
    """Return what was recorded about secrets, with whom it is about."""
    until = await bus.log.head()
    return [
        (event.of.id, event.fact)
        async for event in bus.follow.events(after=after, until=until)
        if event.of.kind == "secret"
    ]


async def test_declared_secrets_are_opened_and_recorded_once(
    bus: Bus, cluster: Cluster, binder: Binder
) -> None:
    """Delivered twice they are applied twice, which changes nothing, and told once."""
    cluster.slow = 1
    cause = await queued(bus)
    declared = [sealed("alice-api", key="one", pin="two"), sealed("alice-db", url="three")]

    await bind(binder, cause, *declared)
    await bind(binder, cause, *declared)
    await bind(binder, await queued(bus, number=2), *declared)

    assert cluster.secrets == {
        "alice-api": {"key": "one", "pin": "two"},
        "alice-db": {"url": "three"},
    }
    assert cluster.listed == {"alice-api", "alice-db"}
    recorded = await facts(bus, cause.seq)
    assert [(of, type(fact)) for of, fact in recorded] == [
        (f"{NAMESPACE}/alice-api", SecretBound),
        (f"{NAMESPACE}/alice-db", SecretBound),
    ]
    first = recorded[0][1]
    assert isinstance(first, SecretBound)
    assert (first.name, first.keys, first.sha) == ("alice-api", ("key", "pin"), "1" * 40)


@pytest.mark.weakness(26)
async def test_what_is_no_longer_declared_is_removed(
    bus: Bus, cluster: Cluster, binder: Binder
) -> None:
    """A key out of a secret, a secret out of the file; other projects' are not touched."""
    await bind(
        binder, await queued(bus), sealed("alice-api", a="1", b="2"), sealed("alice-db", c="3")
    )
    await bind(binder, await queued(bus, "8"), sealed("alice-else", d="4"))
    cause = await queued(bus, number=2)

    await bind(binder, cause, sealed("alice-api", b="2"))

    assert cluster.secrets == {"alice-api": {"b": "2"}, "alice-else": {"d": "4"}}
    bound, unbound = [fact for _, fact in await facts(bus, cause.seq)]
    assert isinstance(bound, SecretBound)
    assert bound.keys == ("b",)
    assert unbound == SecretUnbound(
        name="alice-db", namespace=NAMESPACE, reason="it is not in secrets.yml any more"
    )


async def test_nobody_elses_secret_is_taken(bus: Bus, cluster: Cluster, binder: Binder) -> None:
    """Neither another project's of the tenant nor one that was made by hand."""
    await bind(binder, await queued(bus, "8"), sealed("alice-api", key="theirs"))
    cluster.apply_by_hand("alice-hand", key="by hand")

    for name in ("alice-api", "alice-hand"):
        with pytest.raises(SealedRefused, match=f"{name} is another project's.*one repository"):
            await bind(binder, await queued(bus), sealed(name, key="mine"))

    assert cluster.secrets == {"alice-api": {"key": "theirs"}, "alice-hand": {"key": "by hand"}}


async def test_what_the_controller_cannot_open_is_refused_in_its_words(
    bus: Bus, cluster: Cluster, binder: Binder
) -> None:
    """Sealed for another cluster: with the key that is to blame, and where the certificate is."""
    wrong = SealedSecret(name="alice-api", values={"key": "eA" * 400})

    with pytest.raises(SealedRefused, match=r"alice-api .*decrypt secret \(key\).*secrets cert"):
        await bind(binder, await queued(bus), wrong)

    assert cluster.secrets == {}


async def test_what_stands_in_its_place_is_never_written_over(
    bus: Bus, cluster: Cluster, binder: Binder
) -> None:
    """The operator deletes it, and the next push is as good as the first: nothing stayed behind."""
    cluster.unowned.add("alice-api")

    with pytest.raises(SealedRefused, match=r"not managed .*operator deletes .*push again"):
        await bind(binder, await queued(bus), sealed("alice-api", key="x"))
    left = dict(cluster.objects)
    cluster.unowned.clear()
    await bind(binder, await queued(bus, number=2), sealed("alice-api", key="x"))

    assert (left, cluster.secrets) == ({}, {"alice-api": {"key": "x"}})


class Trouble(NamedTuple):
    """What is wrong with a cluster, and what is told of it."""

    field: str
    value: object
    error: type[Exception]
    words: str


TROUBLES = (
    Trouble("down", 503, ClusterUnavailable, "answers 503: etcdserver"),
    Trouble("down", 429, ClusterUnavailable, "answers 429"),
    Trouble("slow", 99, ClusterUnavailable, "nobody has opened the SealedSecret alice-api"),
    Trouble("token", "another", ClusterUnavailable, "answers 401"),
    Trouble("installed", 0, SealedRefused, "no SealedSecrets .*controller"),
    Trouble("verbs", {"get", "list"}, SealedRefused, "not let us PATCH.*create, patch and delete"),
    Trouble("verbs", {"get", "list", "patch"}, SealedRefused, "not let us PATCH"),
)


@pytest.mark.parametrize(
    "trouble", TROUBLES, ids=[f"{one.field}-{number}" for number, one in enumerate(TROUBLES)]
)
async def test_a_cluster_that_does_not_do_it_is_told_apart(
    bus: Bus, cluster: Cluster, binder: Binder, trouble: Trouble
) -> None:
    """What may pass is tried again, what an operator has to mend says so; no token is shown."""
    setattr(cluster, trouble.field, trouble.value)

    with pytest.raises(trouble.error, match=trouble.words) as raised:
        await bind(binder, await queued(bus), sealed("alice-api", key="x"))

    assert "token-of-a-pod" not in f"{raised.value!r} {binder!r}"


async def test_a_cluster_is_met_by_its_own_certificate(bus: Bus, tmp_path: Path) -> None:
    """As in a pod: ca.crt and a token that is read anew for each call; no other is trusted."""
    pems = Authority().folder(tmp_path / "tls")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pems / "cert.pem", pems / "key.pem")
    made = Cluster()
    runner = await served(made, context)
    (tmp_path / "token").write_text("old")
    api = Kubernetes(made.url, tmp_path, NAMESPACE, "here")
    stranger = Kubernetes(made.url, tmp_path, NAMESPACE, "here")
    try:
        with pytest.raises(ClusterUnavailable, match="ClientConnectorCertificateError"):
            await stranger.names(run_of("7"))
        (tmp_path / "ca.crt").write_bytes((pems / "ca.pem").read_bytes())
        with pytest.raises(ClusterUnavailable, match="401"):
            await api.names(run_of("7"))
        (tmp_path / "token").write_text(made.token)
        await bind(Binder(bus.log, api), await queued(bus), sealed("alice-api", key="x"))
    finally:
        await api.close()
        await stranger.close()
        await runner.cleanup()

    assert made.secrets == {"alice-api": {"key": "x"}}


async def test_a_project_that_is_gone_leaves_nothing(
    bus: Bus, cluster: Cluster, binder: Binder
) -> None:
    """All that it bound goes, save what it bound again since; other projects' stays."""
    await bind(binder, await queued(bus), sealed("alice-api", a="1"), sealed("alice-db", b="2"))
    await bind(binder, await queued(bus, "8"), sealed("alice-else", c="3"))
    removal = await queued(bus, number=2)
    again = [sealed("alice-api", a="new"), sealed("alice-db", b="2")]
    await bind(binder, await queued(bus, number=3), *again)

    await binder.unbind_all(removal, reason="no function of the project is left")

    assert cluster.secrets == {"alice-api": {"a": "new"}, "alice-else": {"c": "3"}}
    unbound = [fact for _, fact in await facts(bus, removal.seq) if isinstance(fact, SecretUnbound)]
    assert [fact.name for fact in unbound] == ["alice-db"]


async def test_what_is_unwanted_goes_unless_it_was_bound_since(
    bus: Bus, cluster: Cluster, binder: Binder
) -> None:
    """A push that brings the project back binds the same again, and says so before that is read."""
    api, db = sealed("alice-api", a="1"), sealed("alice-db", b="2")
    cluster.apply_by_hand("alice-else", c="3")
    await bind(binder, await queued(bus), api, db)
    ends = [await unwanted(bus, name) for name in ("alice-api", "alice-db", "alice-else")]

    for event in ends[1:]:
        await binder.unwanted(event, event.fact)
    await bind(binder, await queued(bus, number=2), api)
    for event in ends:
        await binder.unwanted(event, event.fact)

    assert cluster.secrets == {"alice-api": {"a": "1"}, "alice-else": {"c": "3"}}
    unbound, again = [fact for _, fact in await facts(bus, ends[-1].seq)]
    assert isinstance(unbound, SecretUnbound)
    assert isinstance(again, SecretBound)
    assert unbound.reason == "the repository is closed to us"


async def unwanted(bus: Bus, name: str) -> Recorded[SecretUnwanted]:
    """Have the project's secret unwanted; return the fact."""
    of = Aggregate("github", "7", "secret", f"{NAMESPACE}/{name}")
    fact = SecretUnwanted(name, NAMESPACE, "the repository is closed to us")
    await bus.log.append(fact, of=of, id=f"collector:{name}")
    event = await bus.log.last(of, SecretUnwanted)
    assert event
    return event
