"""The READMEs tell the truth: settings, links, and the sample that everybody copies."""

import re
from pathlib import Path

import pytest

from edge.cli.settings import Settings, markdown
from edge.cli.variables import manual
from schemas import route
from schemas.stack import lint
from tests.architecture.source_tree import ROOT, tracked

README = ROOT / "README.md"
READMES = [path for path in tracked() if path.name == "README.md"]


def test_settings_are_the_code() -> None:
    """The table of settings is the one that the code makes."""
    text = README.read_text()
    table = re.search(r"<!-- settings: .*-->\n(.*)<!-- settings end -->", text, re.DOTALL)

    assert table
    assert table[1].strip() == markdown(), (
        "put this into README.md: python -c 'import edge.cli.settings as s; print(s.markdown())'"
    )
    assert len(manual(Settings)) > 5


def test_annotations_of_a_route_are_the_code() -> None:
    """The table of annotations is what a stack's are read by."""
    table = re.search(r"<!-- routes: .*-->\n(.*)<!-- routes end -->", README.read_text(), re.DOTALL)

    assert table
    assert table[1].strip() == route.markdown().strip()


def test_sample_stack_has_no_mistake() -> None:
    """The stack.yml that the README shows is a good one."""
    sample = re.search(r"cat > stack\.yml <<'END'\n(.*?)\nEND\n", README.read_text(), re.DOTALL)

    assert sample
    assert lint(sample[1].encode()) == []
    assert lint(sample[1].replace("lang:", "long:").encode()) != []


@pytest.mark.parametrize("readme", READMES, ids=str)
def test_links_lead_somewhere(readme: Path) -> None:
    """Each relative link of a README leads to a file."""
    text = (ROOT / readme).read_text()
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)

    assert [link for link in links if not (ROOT / readme).parent.joinpath(link).exists()] == []
