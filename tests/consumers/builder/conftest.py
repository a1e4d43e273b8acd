"""Fixtures: a place to build bundles in, and one for container images."""

import os
from pathlib import Path

import pytest

from tests.consumers.builder.kitchen import Bases, Kitchen
from tests.consumers.builder.made import Workshop
from tests.heavy.engines import Engine
from tests.heavy.registries import OwnRegistry, guarded

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
def bases(tmp_path_factory: pytest.TempPathFactory, engine: Engine, guarded: OwnRegistry) -> Bases:
    """Return the base images of every language, made when they are asked for."""
    return Bases(engine.socket, guarded.host, tmp_path_factory.mktemp("bases"))
