"""Builds of one tenant, and what is another's."""

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from bus.blobs import DirectoryBlobs
from consumers.builder import references, solving
from consumers.builder.container import ContainerBuilder
from consumers.builder.recipe import ContainerSettings, Recipe
from schemas.envelope import Aggregate
from schemas.repository import Repository
from tests.consumers.builder.made import order, spec

ARCHIVE = "sha256:" + "1" * 64
REGISTRY = references.registry("registry:5000/functions/")


@pytest.fixture
def settings(tmp_path: Path) -> ContainerSettings:
    """Return settings of a registry that all tenants share, with a cache."""
    return ContainerSettings(
        url="docker:///x", registry=REGISTRY, push_registry=REGISTRY, work=tmp_path, cache=True
    )


@pytest.mark.weakness(5)
def test_tenants_share_no_cache_and_no_image(settings: ContainerSettings, tmp_path: Path) -> None:
    """One cache was everybody's; ours lies beside a function's own images, and is found by it.

    The very same archive of another project is built anew.
    """
    builder = ContainerBuilder(DirectoryBlobs(tmp_path), settings)
    alices = order(ARCHIVE, spec())
    bobs = msgspec.structs.replace(
        alices,
        repository=Repository("bob", "hello", "main"),
        run=Aggregate("local", "bob/hello", "run", alices.run.id),
    )
    named = [references.names(one, REGISTRY, REGISTRY) for one in (alices, bobs)]

    assert len({one.cache("hello") for one in named}) == 2
    assert len({one.target for one in named}) == 2
    assert builder.key(alices) != builder.key(bobs)


@pytest.mark.weakness(5)
def test_a_build_asks_for_no_privilege(settings: ContainerSettings, tmp_path: Path) -> None:
    """Its engine ran privileged for all; a build of ours is granted neither devices nor the host.

    BuildKit refuses ``RUN --security=insecure`` and ``--network=host`` without an entitlement.
    """
    recipe = Recipe(archive=tmp_path, target="registry:5000/a/b:1", cache="registry:5000/a/b:cache")

    for one in (recipe, replace(recipe, push=False), replace(recipe, foreign=False)):
        assert solving.request(one, settings, "image").entitlements == ()
