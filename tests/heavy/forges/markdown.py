"""What a forge would do because of a text: who is called, what is linked, which command is obeyed.

Read as CommonMark with GitHub's tables. Within code nothing is done.
"""

import re
from collections.abc import Iterator

from markdown_it import MarkdownIt
from markdown_it.token import Token

ACTS = re.compile(
    r"(?<![\w`])@[A-Za-z0-9]"  # a person, or a team
    r"|(?<!\w)[#!~%&$]\d+"  # an issue, a merge request, a label …
    r"|\bGH-\d+"
    r"|\b[\w.-]+/[\w.-]+[#!@][0-9a-f]+"  # the same, of another project
)
COMMAND = re.compile(r"^/[a-z_]+", re.MULTILINE)
READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def acts(text: str) -> list[str]:
    """Return whatever is not our own plain Markdown: calls, commands, HTML, pictures."""
    found = [f"command {each}" for each in COMMAND.findall(text)]
    for token in _all(READER.parse(text)):
        if token.type == "text":
            found += [f"call {each}" for each in ACTS.findall(token.content)]
        elif token.type in ("html_block", "html_inline"):
            if not re.fullmatch(r"<!-- pushline:pull-\d+ -->\n?", token.content):
                found.append(f"HTML {token.content}")
        elif token.type == "image":
            found.append("picture")
    return found


def links(text: str) -> list[str]:
    """Return where a text's links lead."""
    return [
        str(token.attrs["href"]) for token in _all(READER.parse(text)) if token.type == "link_open"
    ]


def shown(text: str) -> list[str]:
    """Return what stands in code: each span, each block."""
    kinds = ("code_inline", "fence", "code_block")
    return [token.content for token in _all(READER.parse(text)) if token.type in kinds]


def _all(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from _all(token.children or [])
