"""Container images: really built, pushed to a registry with a password, known by their digest."""

import asyncio
import time

import msgspec
import pytest

from consumers.builder.arguments import Arguments, allowed
from consumers.builder.images import NotBuildable, Order
from consumers.builder.registry import Login, RegistryRefused
from schemas.errors import BuildFailed, RegistryUnavailable
from tests.consumers.builder.kitchen import Kitchen, named
from tests.heavy.registries import PASSWORD

HELLO = {"Dockerfile": "FROM scratch\nCOPY hello /\n", "hello": "hello"}


async def test_an_archive_becomes_an_image(kitchen: Kitchen) -> None:
    """Pushed under the predecessor's name, known by a digest; the log tells the steps."""
    built = await kitchen.build(named("plain"), HELLO)

    assert built.reference == f"{kitchen.host}/alice/hello-plain@{built.image}"
    assert not built.cached
    assert any("COPY hello /" in line for line in kitchen.said)
    tagged = await kitchen.manifest("alice/hello-plain", "latest-main-04b8e44")
    assert tagged
    assert tagged.digest == built.image


async def test_an_unchanged_archive_is_there(kitchen: Kitchen) -> None:
    """A later commit with the same files gets the same image under its own tag, at once."""
    first = await kitchen.build(named("twice"), HELLO)
    order = await kitchen.order(named("twice"), HELLO)
    later = msgspec.structs.replace(order, sha="5" * 40)
    kitchen.said.clear()

    began = time.monotonic()
    second = await kitchen.builder().build(later, kitchen.said.append)
    took = time.monotonic() - began

    assert (second.image, second.cached, second.tool_ms) == (first.image, True, 0)
    assert second.attestations == first.attestations
    assert kitchen.said == ["unchanged, the image is there"]
    assert took < 0.5
    tagged = await kitchen.manifest("alice/hello-twice", "latest-main-5555555")
    assert tagged
    assert tagged.digest == first.image


async def test_what_changes_an_image_changes_its_key(kitchen: Kitchen) -> None:
    """Whose it is, its files, arguments and base images; nothing else, such as its labels."""
    builder = kitchen.builder()
    made = named("keyed", "python3-http")
    order = Order(**msgspec.structs.asdict(await kitchen.order(made, {"handler.py": ""})))
    based = kitchen.builder(arguments=Arguments(bases={"python3-http": {"BASE": "m/python"}}))

    def key(**said: object) -> str:
        return builder.key(
            msgspec.structs.replace(order, spec=msgspec.structs.replace(made, **said))
        )

    other = msgspec.structs.replace(order.run, project="bob/hello")
    keys = [
        builder.key(order),
        builder.key(msgspec.structs.replace(order, archive="sha256:" + "0" * 64)),
        builder.key(msgspec.structs.replace(order, run=other)),
        based.key(order),
        key(name="other"),
        key(build_args={"A": "b"}),
        key(build_secrets={"A": "b"}),
        key(build_options=("dev",)),
        key(platforms="linux/amd64"),
        key(fprocess="x"),
    ]
    assert len(set(keys)) == len(keys)
    assert key(labels={"a": "b"}, environment={"a": "b"}) == builder.key(order)
    assert builder.key(msgspec.structs.replace(order, sha="5" * 40)) == builder.key(order)


async def test_statements_of_its_making_are_told(kitchen: Kitchen) -> None:
    """The daemon's provenance, by the digests that the registry has them under."""
    built = await kitchen.build(named("told"), HELLO)

    (statement,) = built.attestations
    assert statement.predicate.startswith("https://slsa.dev/provenance/")
    assert statement.digest.startswith("sha256:")


async def test_a_step_that_fails_tells_which(kitchen: Kitchen) -> None:
    """The step, its code and its last lines."""
    dockerfile = 'RUN ["/bin/busybox", "sh", "-c", "echo one; echo two >&2; exit 7"]'
    files = kitchen.runs(dockerfile)

    with pytest.raises(BuildFailed, match=r"exit 7.*ended with 7") as caught:
        await kitchen.build(named("failing"), files)

    assert {"one", "two"} <= set(caught.value.tail)
    assert any(line.endswith("two") for line in kitchen.said)


async def test_a_dockerfile_that_cannot_be_read(kitchen: Kitchen) -> None:
    """BuildKit's words for it, and no other try."""
    with pytest.raises(BuildFailed, match=r"(?i)unknown instruction"):
        await kitchen.build(named("nonsense"), {"Dockerfile": "FROM scratch\nHELLO world\n"})


async def test_a_wrong_password_is_the_operator_s(kitchen: Kitchen) -> None:
    """Said before anything is built, with the cure and without the password."""
    with pytest.raises(RegistryRefused, match="PUSHLINE_REGISTRY_PASSWORD"):
        await kitchen.build(named("refused"), HELLO, login=Login("pusher", "another word"))

    assert kitchen.said == []
    assert "another word" not in repr(kitchen.settings(login=Login("pusher", "another word")))


@pytest.mark.weakness(5)
async def test_the_password_is_not_the_pusher_s(kitchen: Kitchen) -> None:
    """A Dockerfile cannot take another's image as its base: our login pushes, and pulls for us."""
    victim = await kitchen.build(named("victim"), HELLO)
    thief = {"Dockerfile": f"FROM {victim.reference}\nCOPY mine /\n", "mine": "x"}
    copier = {"Dockerfile": f"FROM scratch\nCOPY --from={victim.reference} / /\n"}

    for files in (thief, copier):
        with pytest.raises(BuildFailed):
            await kitchen.build(named("thief"), files)

    assert await kitchen.manifest("alice/hello-thief", "latest-main-04b8e44") is None


@pytest.mark.weakness(5)
async def test_a_frontend_is_not_the_pusher_s_to_choose(kitchen: Kitchen) -> None:
    """``# syntax=`` is passed over: nothing is pulled to read a Dockerfile with."""
    evil = {**HELLO, "Dockerfile": f"# syntax=127.0.0.1:1/evil\n{HELLO['Dockerfile']}"}

    assert (await kitchen.build(named("syntax"), evil)).reference


async def test_arguments_reach_the_build(kitchen: Kitchen) -> None:
    """One that is allowed changes what is built; another is refused before anything is."""
    arguments = Arguments(allowed=allowed("WORD"))
    files = {"Dockerfile": "FROM scratch\nARG WORD\nLABEL word=${WORD}\nCOPY hello /\n"}
    files["hello"] = "x"

    built = [
        await kitchen.build(named("args", build_args={"WORD": word}), files, arguments=arguments)
        for word in ("a", "b")
    ]
    with pytest.raises(NotBuildable, match=r"functions.args.build_args.OTHER"):
        await kitchen.build(named("args", build_args={"OTHER": "x"}), files, arguments=arguments)

    assert built[0].image != built[1].image


@pytest.mark.weakness(5)
async def test_a_build_has_its_time(kitchen: Kitchen) -> None:
    """What takes longer is stopped, and said to have taken longer."""
    files, _ = sleeping(kitchen, 600)

    began = time.monotonic()
    with pytest.raises(BuildFailed, match="took longer than 2 s") as caught:
        await kitchen.build(named("slow"), files, seconds=2)

    assert caught.value.code == "build_too_long"
    assert time.monotonic() - began < 10


async def test_a_cancelled_build_stops_at_once(kitchen: Kitchen) -> None:
    """The step's process is gone within moments, and nothing is pushed."""
    files, mark = sleeping(kitchen, 4321)
    building = asyncio.create_task(kitchen.build(named("cancelled"), files))
    async with asyncio.timeout(30):
        while not kitchen.processes(mark):  # noqa: ASYNC110 - another program's process
            await asyncio.sleep(0.05)

    building.cancel()
    with pytest.raises(asyncio.CancelledError):
        await building

    async with asyncio.timeout(10):
        while kitchen.processes(mark):  # noqa: ASYNC110 - another program's process
            await asyncio.sleep(0.05)
    assert await kitchen.manifest("alice/hello-cancelled", "latest-main-04b8e44") is None


async def test_a_build_cache_is_kept_in_the_registry(kitchen: Kitchen) -> None:
    """Where it is asked for, a function's steps lie beside its images."""
    await kitchen.build(named("caching"), HELLO, cache=True)

    assert await kitchen.manifest("alice/hello-caching", "cache-caching")


class Vault:
    """Opens one secret."""

    async def open(self, order: Order, name: str) -> bytes | None:
        """Return the secret of hello's owner."""
        known = order.repository.owner == "alice" and name == "npm-token"
        return b"t0p-s3cret\n" if known else None


SPILLING = """\
RUN --mount=type=secret,id=npm,required=true \
  ["/bin/busybox", "sh", "-c", "/bin/busybox cat /run/secrets/npm; exit 3"]
"""


async def test_a_secret_reaches_the_build_and_nobody_else(kitchen: Kitchen) -> None:
    """A step reads it; printed, it stands neither in the log nor in what is recorded."""
    kitchen.secrets = Vault()
    files = kitchen.runs(SPILLING)

    with pytest.raises(BuildFailed, match="ended with 3") as caught:
        await kitchen.build(named("spilling", build_secrets={"npm": "npm-token"}), files)

    assert any(line.endswith("***") for line in kitchen.said)
    told = [*kitchen.said, *caught.value.tail, str(caught.value), repr(caught.value)]
    assert not any("t0p-s3cret" in line or PASSWORD in line for line in told)


async def test_a_missing_secret_fails_by_name(kitchen: Kitchen) -> None:
    """Before anything is built, with the command that would set it."""
    kitchen.secrets = Vault()

    with pytest.raises(NotBuildable, match=r"build_secrets.npm: no secret other") as caught:
        await kitchen.build(named("lacking", build_secrets={"npm": "other"}), HELLO)

    assert caught.value.hint == "set it: pushline secrets set alice/hello other"
    assert kitchen.said == []


async def test_a_base_image_s_host_is_asked_a_few_times(kitchen: Kitchen) -> None:
    """It may be back in a moment; mistyped it never is, and the pusher does not wait for ever."""
    files = {"Dockerfile": "FROM 127.0.0.1:1/nothing\n"}

    with pytest.raises(BuildFailed, match=r"127\.0\.0\.1:1") as caught:
        await kitchen.build(named("mistyped"), files, again=(0.01, 0.01))

    assert caught.value.code == "build_interrupted"
    assert sum("tried again in 0.01 s" in line for line in kitchen.said) == 2


async def test_a_registry_that_is_down_is_waited_for(kitchen: Kitchen) -> None:
    """It is nobody's failure: what the worker repeats, for up to an hour."""
    kitchen.host = "127.0.0.1:1"

    with pytest.raises(RegistryUnavailable) as caught:
        await kitchen.build(named("waiting"), HELLO)

    assert caught.value.patience.total_seconds() == 3600


def sleeping(kitchen: Kitchen, seconds: int) -> tuple[dict[str, str | bytes], str]:
    """Return files whose build sleeps, and what its process is known by."""
    mark = f"{seconds}.{kitchen.home.stat().st_ino}"
    return kitchen.runs(f'RUN ["/bin/busybox", "sleep", "{mark}"]'), mark
