"""Others' words within our Markdown, where they mean nothing: no name is called, nothing is linked.

Whatever a repository, a build or a person has written stands in code: a span of one line, or a
fence of many. Forges look for names, references and commands outside of code only, and no line
begins with a stranger's word. Control characters, and what terminals take for commands, are gone.
"""

import re
from typing import Final
from urllib.parse import quote

FENCE: Final = 64  # backticks in a row that a log may have

_TERMINAL: Final = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # colours, cursor
    r"|\x9b[0-?]*[ -/]*[@-~]"
    r"|\x1b\][^\x07\x1b]*(\x07|\x1b\\)?"  # titles, links
    r"|\x1b[PX^_][^\x1b]*(\x1b\\)?"
    r"|\x1b[ -/]*[0-~]?"
)
_SECRET: Final = re.compile(
    r"(?<=://)[^/?#\s@]+(?=@)"  # before the host of a URL
    r"|\b(gh[opusr]_|github_pat_|glpat-|gloas-|glrt-|plt_)[A-Za-z0-9_.-]{8,}"
    r"|(?<=[Bb]earer )[A-Za-z0-9._~+/-]{8,}=*"
)
_TICKS: Final = re.compile("`+")
_COMMAND: Final = re.compile(r"^/", re.MULTILINE)  # to GitLab: /merge, /close
_TOO_MANY: Final = re.compile(f"`{{{FENCE},}}")


def clean(text: str) -> str:
    """Return many lines without what is not to be seen; what a line overwrote is gone, too."""
    shown = _SECRET.sub("***", _TERMINAL.sub("", text))
    lines = (line.rstrip("\r").rpartition("\r")[2] for line in shown.split("\n"))
    return "\n".join(_printable(line).rstrip() for line in lines)


def line(text: str, most: int = 300) -> str:
    """Return a text as one line of so many characters at most."""
    one = " ".join(clean(text).split())
    return one if len(one) <= most else f"{one[: most - 1].rstrip()}…"


def code(text: str, most: int = 300) -> str:
    """Return a span of code that its own text does not end."""
    one = line(text, most) or "-"
    ticks = "`" * (_longest(one) + 1)
    pad = " " if one.startswith("`") or one.endswith("`") else ""
    return f"{ticks}{pad}{one}{pad}{ticks}"


def cell(text: str, most: int = 100) -> str:
    """Return a span of code for a table, whose columns it cannot end either."""
    return code(text.replace("|", "¦"), most)


def link(label: str, url: str) -> str:
    """Return a link; the label is Markdown already."""
    return f"[{label}]({quote(url, safe=':/?#[]@!$&*+,;=%-._~')})"


def fenced(text: str, language: str = "text") -> str:
    """Return a block of code that its own text does not end, nor commands anything."""
    body = _TOO_MANY.sub("`" * (FENCE - 1), clean(text)).strip("\n")
    body = _COMMAND.sub(" /", body)
    ticks = "`" * max(3, _longest(body) + 1)
    return f"{ticks}{language}\n{body}\n{ticks}\n"


def _printable(text: str) -> str:
    """Return text without invisible characters; tabs stay, other spaces are plain ones."""
    if text.isprintable():
        return text
    return "".join(_shown(char) for char in text)


def _shown(char: str) -> str:
    if char.isprintable() or char == "\t":
        return char
    return " " if char.isspace() else ""


def _longest(text: str) -> int:
    return max((len(found) for found in _TICKS.findall(text)), default=0)
