"""deploy/compose.yaml as compose reads it: anchors merged, variables at their defaults."""

import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML

from tests.laptop import ROOT

DEPLOY: Final = ROOT / "deploy"
MOUNTED: Final = "/run/secrets/"
HOME: Final = "/var/lib/pushline/home"
_VARIABLE = re.compile(r"\$\{\w+(?::-([^}]*))?\}")


@cache
def compose() -> dict[str, Any]:
    """Return the whole file."""
    text = _VARIABLE.sub(lambda found: found[1] or "", (DEPLOY / "compose.yaml").read_text())
    found: dict[str, Any] = YAML(typ="safe").load(text)
    return found


def services() -> dict[str, dict[str, Any]]:
    """Return every service by its name."""
    found: dict[str, dict[str, Any]] = compose()["services"]
    return found


def ours() -> dict[str, dict[str, Any]]:
    """Return the services that are Pushline itself."""
    return {name: each for name, each in services().items() if "pushline" in each["image"]}


def secret_names(service: dict[str, Any]) -> dict[str, str]:
    """Return where a service finds each of its secrets."""
    found = {}
    for each in service.get("secrets", []):
        told = {"source": each, "target": each} if isinstance(each, str) else each
        target = told["target"]
        path = target if target.startswith("/") else MOUNTED + target
        found[path] = DEPLOY / compose()["secrets"][told["source"]]["file"]
    return {path: file.name for path, file in found.items()}


def environment(service: dict[str, Any], secrets: Path, home: Path) -> dict[str, str]:
    """Return what a service is told, its secrets lying in a folder of ours."""
    files = secret_names(service)
    told = {name: str(value) for name, value in service.get("environment", {}).items()}
    for name, value in told.items():
        if value.startswith(MOUNTED):
            told[name] = str(secrets / files[value])  # KeyError: it is not mounted
    return told | {"PUSHLINE_HOME": str(home)}


def made_secrets(folder: Path) -> Path:
    """Have deploy/secrets make them all."""
    subprocess.run([DEPLOY / "secrets", folder], check=True, capture_output=True)
    return folder


def pinned(name: str, requirements: str) -> str:
    """Return the version of a library in a file of requirements."""
    found = re.search(rf"^{name}==(\S+)", (ROOT / requirements).read_text(), re.MULTILINE)
    assert found
    return found[1]
