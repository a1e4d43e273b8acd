"""How an event is told in one line."""

import sys

from rich.console import Console
from rich.text import Text

from edge.api.eventline import EventLine
from edge.cli.output import COLOURS, when

WIDEST = 24  # columns of a fact's name: function.deploy-started
TOLD = ("function", "outcome", "sha", "after", "message", "reason", "label", "by", "login", "user")


def shown(line: EventLine, out: Console) -> None:
    """Print an event; the number before it is where to resume."""
    out.print(
        Text.assemble(
            (f"{line.seq:>6}  {when(line.time)}  ", "bright_black"),
            kind(line, WIDEST),
            f"  {line.name or line.project or line.forge}",
            (f"  {line.id}", "bright_black"),
            f"  {gist(line)}",
        )
    )
    sys.stdout.flush()


def kind(line: EventLine, width: int = 0) -> Text:
    """Return the fact's name in its colour."""
    word = line.type.partition("/")[0]
    last = word.rpartition(".")[2].rpartition("-")[2]
    colour = {"built": "green", "deployed": "green"}.get(last) or COLOURS.get(last, "cyan")
    return Text(f"{word:<{width}}", style=colour)


def gist(line: EventLine) -> str:
    """Return the words of a fact that tell the most."""
    fact = line.fact if isinstance(line.fact, dict) else {}
    said = {name: str(fact.get(name, "") or "") for name in TOLD}
    said["sha"], said["after"] = said["sha"][:8], said["after"][:8]
    if line.kind == "function":
        said["function"] = line.id
    return " ".join(word for word in said.values() if word)
