"""An engine that cannot export images: it builds, and pushes by its own API."""

from dataclasses import replace
from pathlib import Path

import pytest

from consumers.builder.images import Built
from consumers.builder.registry import IMAGES, Login, RegistryRefused
from schemas.errors import BuildFailed, EngineUnavailable, RegistryUnavailable
from tests.consumers.builder.kitchen import Bases, Kitchen, named
from tests.heavy.containers import ask, container, fetched, pull
from tests.heavy.engines import Engine
from tests.heavy.registries import PASSWORD, USER, OwnRegistry, own_registry

HELLO = {"Dockerfile": "FROM scratch\nCOPY hello /\n", "hello": "plain"}


@pytest.fixture
def plain(kitchen: Kitchen, plain_engine: Engine) -> Kitchen:
    """Return a container builder with a plain engine."""
    return replace(kitchen, socket=plain_engine.socket)


async def test_an_image_is_pushed_by_the_engine(plain: Kitchen) -> None:
    """Known by the digest that the registry has it under; there are no statements with it."""
    built = await plain.build(named("by-engine"), HELLO)

    tagged = await plain.manifest("alice/hello-by_engine", "latest-main-04b8e44")
    assert tagged
    assert tagged.media_type in IMAGES
    assert built == Built(
        tagged.digest,
        reference=f"{plain.host}/alice/hello-by_engine@{tagged.digest}",
        tool_ms=built.tool_ms,
    )
    assert any(line.startswith("pushed ") for line in plain.said)


async def test_nothing_is_left_in_the_engine(plain: Kitchen, kitchen: Kitchen) -> None:
    """In either form: the registry has the image, and an engine's disk has an end."""
    for each in (plain, kitchen):
        await each.build(named("left"), {**HELLO, "hello": str(each.socket)})

        _, body = ask(each.socket, "GET", "/images/json?all=1")

        assert b"hello-left" not in body


async def test_a_template_s_image_answers(plain: Kitchen, kitchen: Kitchen, bases: Bases) -> None:
    """Base images come from a registry with a password here too; the other engine runs it."""
    plain.arguments = await bases.of("static")
    made = named("plainly", "static")

    built = await plain.build(made, {"x": "served"})
    pull(kitchen.socket, built.reference, USER, PASSWORD)
    with container(kitchen.socket, built.reference) as url:
        assert fetched(f"{url}/x") == b"served"


async def test_a_cache_that_cannot_be_kept_is_said(plain: Kitchen) -> None:
    """The build goes on without one."""
    await plain.build(named("uncached"), HELLO, cache=True)

    assert "no build cache is kept: this engine can keep none in a registry" in plain.said


async def test_a_step_that_fails_tells_which(plain: Kitchen) -> None:
    """As with any BuildKit."""
    step = 'RUN ["/bin/busybox", "sh", "-c", "echo one; exit 7"]'

    with pytest.raises(BuildFailed, match=r"exit 7.*ended with 7") as caught:
        await plain.build(named("failing"), plain.runs(step))

    assert "one" in caught.value.tail


async def test_another_s_image_is_no_base(plain: Kitchen, kitchen: Kitchen) -> None:
    """The engine is told no password for what a Dockerfile pulls."""
    victim = await kitchen.build(named("victim"), HELLO)

    with pytest.raises(BuildFailed):
        await plain.build(named("thief"), {"Dockerfile": f"FROM {victim.reference}\n"})


async def test_a_registry_that_refuses_the_push(plain: Kitchen, tmp_path: Path) -> None:
    """The engine's own words for a wrong password become the operator's task."""
    with own_registry(tmp_path) as registry:
        maker = replace(plain, host=registry.host)
        with pytest.raises(RegistryRefused, match="PUSHLINE_REGISTRY_PASSWORD"):
            await maker.pushed(named("refused"), HELLO, login=Login(USER, "another word"))
        registry.stop()
        with pytest.raises(RegistryUnavailable, match="was not pushed"):
            await maker.pushed(named("lost"), HELLO)


async def test_an_engine_that_is_not_there(guarded: OwnRegistry, tmp_path: Path) -> None:
    """Is waited for, as a registry is."""
    absent = Kitchen(tmp_path, tmp_path / "no.sock", guarded.host)

    with pytest.raises(EngineUnavailable, match=r"no\.sock") as caught:
        await absent.build(named("nowhere"), HELLO)

    assert caught.value.patience.total_seconds() == 3600
