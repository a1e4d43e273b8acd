"""What texts look like, one file each: compared by tests, written by this.

``python -m tests.consumers.status.texts.golden`` writes them anew; read the difference.
"""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from consumers.status.texts.render import render
from tests.consumers.status.texts.cases import CASES, LINKS, Case

FOLDER = Path(__file__).parent / "pages"


def page(case: Case) -> str:
    """Return all that people see of one commit, or function."""
    text = render(case.at, function=case.function, links=LINKS, log=case.log)
    marked = [
        f"{one.path}:{one.line}: {one.level}: {one.title}: {one.message}"
        for one in text.annotations
    ]
    parts = [f"# {text.title}", f"> {text.description}", text.summary.strip()]
    parts += [text.text.strip()] if text.text else []
    parts += ["## On lines of files", *(f"- {each}" for each in marked)] if marked else []
    return "\n\n".join(parts) + "\n"


def pages() -> dict[str, str]:
    """Return each case's page by its name."""
    return {name: page(case) for name, case in CASES.items()}


def write(folder: Path, found: Mapping[str, str], say: Callable[[str], object]) -> None:
    """Make a folder hold these pages and no others."""
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.md"):
        if old.stem not in found:
            old.unlink()
    for name, text in found.items():
        (folder / f"{name}.md").write_text(text)
        say(f"written {name}\n")


def read(folder: Path) -> dict[str, str]:
    """Return the pages of a folder by their names."""
    return {path.stem: path.read_text() for path in sorted(folder.glob("*.md"))}


if __name__ == "__main__":
    write(FOLDER, pages(), sys.stdout.write)
