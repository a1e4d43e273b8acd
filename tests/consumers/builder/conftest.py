"""Fixtures: a place to build bundles in."""

import os
from pathlib import Path

import pytest

from tests.consumers.builder.made import Workshop


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    """Return a bundle builder with an empty home; pip and npm find no network."""
    offline = {"PIP_NO_INDEX": "1", "npm_config_registry": "http://127.0.0.1:1/"}
    return Workshop(tmp_path / "home", path=os.environ["PATH"], environment=offline)
