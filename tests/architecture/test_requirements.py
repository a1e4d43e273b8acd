"""The hashed requirements: in step with pyproject.toml, and free of addresses."""

import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.architecture.source_tree import ROOT

FILES = {"run": ROOT / "deploy/requirements.txt", "test": ROOT / "tests/requirements.txt"}
PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>\S+)")
CURE = "deploy/README.md says how the requirements are compiled"


def pins(file: Path) -> dict[str, str]:
    """Return version by name."""
    found = (PIN.match(line) for line in file.read_text().splitlines())
    return {canonicalize_name(pin["name"]): pin["version"] for pin in found if pin}


def wanted(kind: str) -> list[Requirement]:
    """Return what pyproject.toml asks for: to run, or to test, which includes running."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    lines = list(project["project"]["dependencies"])
    if kind == "test":
        lines += project["dependency-groups"]["test"]
    return [Requirement(line) for line in lines]


@pytest.mark.parametrize("kind", FILES)
def test_no_addresses(kind: str) -> None:
    """No index, link or URL is written down: each machine has its own mirrors."""
    text = FILES[kind].read_text()

    assert "://" not in text
    assert not re.search(r"^\s*--(?!hash=)", text, re.MULTILINE)


@pytest.mark.parametrize("kind", FILES)
def test_every_pin_has_hashes(kind: str) -> None:
    """Each pinned version is followed by at least one sha256."""
    blocks = re.split(r"^(?=[A-Za-z0-9])", FILES[kind].read_text(), flags=re.MULTILINE)[1:]

    assert blocks
    assert [block for block in blocks if "--hash=sha256:" not in block] == []


@pytest.mark.parametrize("kind", FILES)
def test_in_step_with_pyproject(kind: str) -> None:
    """Each dependency of pyproject.toml is pinned at a version that it allows."""
    pinned = pins(FILES[kind])

    for requirement in wanted(kind):
        version = pinned.get(canonicalize_name(requirement.name))
        assert version, f"{requirement.name} is not pinned: {CURE}"
        assert requirement.specifier.contains(version), requirement


def closure(requirements: list[Requirement]) -> set[str]:
    """Return the names of all that these need on this machine, as their own metadata say."""
    names: set[str] = set()
    waiting = [(requirement, "") for requirement in requirements]
    seen: set[tuple[str, str]] = set()
    while waiting:
        requirement, extra = waiting.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        names.add(name)
        for inner in {"", *requirement.extras}:
            if (name, inner) not in seen:
                seen.add((name, inner))
                needs = metadata.requires(name) or []
                waiting += [(Requirement(line), inner) for line in needs]
    return names


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="the pins are Python 3.11's: use that")
@pytest.mark.parametrize("kind", FILES)
def test_pinned_is_what_is_needed(kind: str) -> None:
    """Nothing that is needed lacks a pin, and nothing is pinned that nobody needs."""
    assert set(pins(FILES[kind])) == closure(wanted(kind))


def test_tests_run_what_users_run() -> None:
    """Every version that users run is the one tested."""
    tested = pins(FILES["test"])

    assert {n: v for n, v in pins(FILES["run"]).items() if tested.get(n) != v} == {}
