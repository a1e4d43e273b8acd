"""`pushline explain`: every error code has a meaning and a cure."""

import importlib
import json
import pkgutil
from collections.abc import Iterator

import pytest

from edge.cli.explain.cures import CURES, OTHERS
from edge.cli.explain.source import ROOMS, codes
from edge.cli.main import run
from schemas.errors import PushlineError

SKIPPED = ("consumers.source.templates", "consumers.builder.pb")  # none of our errors


def families(error: type[PushlineError]) -> Iterator[type[PushlineError]]:
    """Yield an error and all that derive from it."""
    yield error
    for derived in error.__subclasses__():
        yield from families(derived)


def test_every_code_is_known_by_its_source() -> None:
    """What the source tells is what the classes say, imported."""
    for room in ROOMS:
        package = importlib.import_module(room)
        for module in pkgutil.walk_packages(package.__path__, f"{room}."):
            if not module.name.startswith(SKIPPED):
                importlib.import_module(module.name)
    imported = {
        error.code: error
        for error in families(PushlineError)
        if error.__module__.partition(".")[0] in ROOMS
    }

    missing = imported.keys() - codes().keys()
    assert not missing
    own = {code: one for code, one in imported.items() if "code" in vars(one)}
    for code, error in own.items():
        assert codes()[code].meaning, error


def test_each_code_says_what_to_do() -> None:
    """A meaning from the class, a cure from where it is raised, or written for it."""
    found = codes().values()

    assert [one.code for one in found if not one.meaning.endswith((".", "!"))] == []
    mute = [one.code for one in found if not any(cure.strip("… ") for cure in one.cures)]
    assert mute == [], "raise them with a hint, or add them to edge/cli/explain/cures.py"


def test_no_cure_is_for_nothing() -> None:
    """Each that was written is of a code that there is."""
    assert CURES.keys() <= codes().keys()
    assert not {code for code, _, _ in OTHERS} & CURES.keys()


def test_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """One code with its cure; all of them; one that nobody has, with the nearest."""
    assert run(["explain", "registry_unavailable"]) == 0
    one = capsys.readouterr().out
    assert run(["explain", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert run(["explain", "registry_unavailabel"]) == 1
    wrong = capsys.readouterr().err

    assert one.startswith("registry_unavailable  The image registry did not answer.\n")
    assert "cure  bring the registry back" in one
    assert "tries again by itself" in one
    assert {row["code"] for row in rows} == codes().keys()
    assert "did you mean registry_unavailable" in wrong
