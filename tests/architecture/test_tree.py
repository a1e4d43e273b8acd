"""The shape of the tree: rooms with a README, short files, docstrings, no traces of a machine."""

import ast
import re
from pathlib import Path

import pytest

from tests.architecture.source_tree import PACKAGES, ROOT, sources, tracked

ROOMS = (*PACKAGES, "deploy", "proto", "tests")
HEADINGS = ["What lives here", "Start reading at", "Rules", "Add one"]
LONGEST = 400  # lines of a file
LONGEST_FUNCTION = 60
TEMPLATES = ("consumers", "source", "templates")
# Hosts of package registries and folders of one machine; split so that this file has none.
TRACES = re.compile(
    "|".join(
        (
            r"pythonhosted" + r"\.org",
            r"[/.]pypi" + r"\.(org|io)",
            r"registry\.npm" + r"js",
            r"deb\.debian" + r"\.org",
            r"/wor" + r"k/\w",
            r"/root/\.",
        )
    )
)


@pytest.mark.parametrize("room", ROOMS)
def test_room_has_its_readme(room: str) -> None:
    """Each room says what lives in it, under the same four headings, on one page."""
    text = (ROOT / room / "README.md").read_text()

    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == HEADINGS
    assert len(text.splitlines()) <= 60


def test_no_traces_of_a_machine() -> None:
    """No tracked file names a package registry's host or a folder of one machine."""
    found = []
    for path in tracked():
        try:
            text = (ROOT / path).read_text()
        except UnicodeDecodeError:
            continue  # not text
        found += [
            f"{path}:{number}: {line.strip()[:80]}"
            for number, line in enumerate(text.splitlines(), 1)
            if TRACES.search(line)
        ]

    assert found == []


def test_traces_would_be_found() -> None:
    """The search finds what it searches for."""
    assert TRACES.search("files.pythonhosted" + ".org")
    assert TRACES.search("see /wor" + "k/here")
    assert not TRACES.search("the network/main")


def test_files_are_short() -> None:
    """No file of code is longer than one sitting."""
    lengths = {path: len((ROOT / path).read_text().splitlines()) for path in code()}

    assert {path: n for path, n in lengths.items() if n > LONGEST} == {}


def test_functions_are_short() -> None:
    """No function is longer than a screen."""
    long = [
        f"{path}:{node.lineno} {node.name}"
        for path in code()
        for node in ast.walk(ast.parse((ROOT / path).read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno > LONGEST_FUNCTION
    ]

    assert long == []


def test_modules_say_what_they_are_for() -> None:
    """Each module begins with a sentence; only an empty __init__ has nothing to say."""
    silent = [
        path
        for path in code()
        if (text := (ROOT / path).read_text()) and not ast.get_docstring(ast.parse(text))
    ]

    assert silent == []


def test_only_the_composition_root_reads_the_environment() -> None:
    """No module but edge/cli names os.environ or its relatives; templates are users' code."""
    readers = [
        path
        for path in sources(*PACKAGES)
        if path.parts[:2] != ("edge", "cli") and path.parts[:3] != TEMPLATES
        if re.search(r"\b(environb?|getenvb?|putenv)\b", strip_text((ROOT / path).read_text()))
    ]

    assert readers == []


def code() -> list[Path]:
    """Return every Python file that is ours, tests included."""
    return sources(*PACKAGES, "tests")


def strip_text(source: str) -> str:
    """Return the names that a source uses, without its comments and strings."""
    names = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute):
            names.append(node.attr)
        elif isinstance(node, ast.Name):
            names.append(node.id)
        elif isinstance(node, ast.alias):
            names.append(node.name)
    return " ".join(names)
