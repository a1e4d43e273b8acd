"""Fixtures: a place to build bundles in, and one for container images."""

import os
from pathlib import Path

import pytest

from consumers.builder.arguments import Arguments
from tests.consumers.builder.kitchen import Kitchen, base_images
from tests.consumers.builder.made import Workshop
from tests.heavy.registries import OwnRegistry, guarded
from tests.heavy.engines import Engine

__all__ = ["guarded"]  # fixtures


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    """Return a bundle builder with an empty home; pip and npm find no network."""
    offline = {"PIP_NO_INDEX": "1", "npm_config_registry": "http://127.0.0.1:1/"}
    return Workshop(tmp_path / "home", path=os.environ["PATH"], environment=offline)


@pytest.fixture
def kitchen(tmp_path: Path, engine: Engine, guarded: OwnRegistry) -> Kitchen:
    """Return a container builder with an empty home."""
    return Kitchen(tmp_path, engine.socket, guarded.host)


@pytest.fixture(scope="session")
def bases(
    tmp_path_factory: pytest.TempPathFactory, engine: Engine, guarded: OwnRegistry
) -> Arguments:
    """Return the base images of every language, made once and pushed to the registry."""
    home = tmp_path_factory.mktemp("bases")
    return base_images(Kitchen(home, engine.socket, guarded.host))
