"""BuildKit and the registry, as the doctor finds them: a real engine, a real registry."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.cli.doctor import build
from edge.cli.doctor.finding import Subject
from edge.cli.settings import Settings
from tests.heavy.engines import Engine
from tests.heavy.registries import PASSWORD, USER, OwnRegistry, own_registry

DAEMON, IMAGE, REGISTRY = build.CHECKS


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnRegistry]:
    """Yield a registry that asks for a password."""
    with own_registry(tmp_path_factory.mktemp("guarded")) as registry:
        yield registry


def subject(home: Path, socket: Path, host: str, **more: str) -> Subject:
    """Return an installation that builds with this engine, and pushes to this registry."""
    told = {
        "buildkit_url": f"docker://{socket}",
        "registry": f"{host}/images",
        "registry_user": USER,
        "registry_password": PASSWORD,
    }
    return Subject(Settings(builder="buildkit", **told | more), home, {})  # type: ignore[arg-type]


async def test_an_image_is_built_pushed_found_and_removed(
    engine: Engine, guarded: OwnRegistry, tmp_path: Path
) -> None:
    """By the very code and password that builds use; the registry forgets it again."""
    of = subject(tmp_path, engine.socket, guarded.host)

    found = [await check.run(of) for check in build.CHECKS]

    assert [each.state for each in found] == ["ok", "ok", "ok"], found
    assert f"found at {guarded.host} by its digest" in found[2].says
    revisions = guarded.folder / "data/docker/registry/v2/repositories/images/pushline-doctor"
    assert not list(revisions.glob("_manifests/revisions/sha256/*/link"))


async def test_an_engine_without_an_exporter_is_good_too(
    plain_engine: Engine, guarded: OwnRegistry, tmp_path: Path
) -> None:
    """Its images leave by the engine's own API."""
    found = await REGISTRY.run(subject(tmp_path, plain_engine.socket, guarded.host))

    assert found.state == "ok", found


async def test_a_wrong_password_of_the_registry(
    engine: Engine, guarded: OwnRegistry, tmp_path: Path
) -> None:
    """BuildKit works, the registry refuses: the settings are named, and no value."""
    of = subject(tmp_path, engine.socket, guarded.host, registry_password="hush-hush")

    image, registry = await IMAGE.run(of), await REGISTRY.run(of)

    assert (image.state, registry.state) == ("ok", "fail")
    assert "PUSHLINE_REGISTRY_PASSWORD" in registry.cure
    assert "hush" not in f"{registry}"


async def test_a_registry_that_is_another_for_pulling(
    engine: Engine, guarded: OwnRegistry, registry: str, tmp_path: Path
) -> None:
    """What is pushed to the one has to be found at the other."""
    of = subject(tmp_path, engine.socket, registry, push_registry=f"{guarded.host}/images")

    found = await REGISTRY.run(of)

    assert found.state == "fail"
    assert "PUSHLINE_PUSH_REGISTRY" in found.cure


async def test_a_registry_that_is_not_reached_from_here(
    engine: Engine, guarded: OwnRegistry, tmp_path: Path
) -> None:
    """The gateway may pull by a name that means nothing here: that is to be looked at."""
    of = subject(tmp_path, engine.socket, "127.0.0.1:1", push_registry=f"{guarded.host}/images")

    found = await REGISTRY.run(of)

    assert found.state == "warn", found
    assert "127.0.0.1:1" in found.cure


async def test_no_engine_and_not_configured(tmp_path: Path) -> None:
    """Nobody at the socket is wrong, with the setting to mend; the other builder is not."""
    away = subject(tmp_path, tmp_path / "none.sock", "127.0.0.1:1")
    found = [await check.run(away) for check in build.CHECKS]
    other = [await check.run(Subject(Settings(), tmp_path, {})) for check in build.CHECKS]

    assert {each.state for each in found} == {"fail"}
    assert "PUSHLINE_BUILDKIT_URL" in found[0].cure
    assert {each.state for each in other} == {"off"}
