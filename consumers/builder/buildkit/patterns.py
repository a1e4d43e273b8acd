"""Patterns over paths, in the grammar of .dockerignore as BuildKit understands it.

As https://github.com/moby/patternmatcher does, its oddities included: ``**`` is any number of
folders, a pattern covers what lies below what it matches, ``!`` takes back, the last one wins.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from consumers.builder.buildkit.errors import ContextInvalid
from consumers.builder.buildkit.paths import clean

ESCAPED: Final = frozenset(".+()|{}$")  # mean nothing in a pattern, and something in a regex
# What a backslash before a letter means to Go's regexp; others are refused, by it and by us.
LETTERS: Final = {c: "\\" + c for c in "dDsSwWafnrtvbBA"} | {"z": r"\Z"}


@dataclass(frozen=True, slots=True)
class Pattern:
    """One pattern."""

    text: str  # cleaned, without its "!"
    exception: bool  # began with "!"
    matches: Callable[[str], bool]

    def root(self) -> str:
        """Return the text without a last /* or /**."""
        return self.text.removesuffix("/**").removesuffix("/*")


class Matcher:
    """Patterns in their order."""

    def __init__(self, patterns: Iterable[str]) -> None:
        """Compile; raise ContextInvalid naming the pattern that cannot be."""
        self.patterns: tuple[Pattern, ...] = tuple(
            compiled(text.strip()) for text in patterns if text.strip()
        )

    def matches(self, path: str) -> bool:
        """Tell whether ``path``, or a folder above it, is matched in the end."""
        return self.within(path, ())[0]

    def within(self, path: str, parent: Sequence[bool]) -> tuple[bool, tuple[bool, ...]]:
        """Return the same, and what to hand on for the paths below.

        ``parent`` is what was handed on by the folder above; () where nobody asked about it.
        """
        matched = False
        each: list[bool] = []
        for index, pattern in enumerate(self.patterns):
            match = bool(parent) and parent[index]
            if not match and pattern.exception == matched:
                match = pattern.matches(path) or (not parent and _above(pattern, path))
            each.append(match)
            if match:
                matched = not pattern.exception
        return matched, tuple(each)


def _above(pattern: Pattern, path: str) -> bool:
    parts = path.split("/")
    return any(pattern.matches("/".join(parts[:end])) for end in range(1, len(parts)))


def compiled(text: str) -> Pattern:
    """Return one pattern; raise ContextInvalid."""
    cleaned = clean(text)
    exception = cleaned.startswith("!")
    if exception:
        cleaned = cleaned[1:]
        if not cleaned:
            raise ContextInvalid('the pattern "!" takes back nothing: name a path after it')
    if not well_formed(cleaned):
        raise ContextInvalid(
            f"the pattern {text!r} is malformed: close its [ and end no line in \\"
        )
    try:
        return Pattern(cleaned, exception, _matching(cleaned))
    except (re.error, KeyError):
        raise ContextInvalid(f"the pattern {text!r} is malformed") from None


def well_formed(pattern: str) -> bool:
    r"""Tell whether classes are closed, and not empty, and every \ escapes something."""
    at, end = 0, len(pattern)
    while at < end:
        if pattern[at] == "\\":
            if at + 1 == end:
                return False
            at += 2
        elif pattern[at] == "[":
            at = _class_end(pattern, at + 1)
            if at < 0:
                return False
        else:
            at += 1
    return True


def _class_end(pattern: str, at: int) -> int:
    """Return where the class whose inside begins at ``at`` has ended, -1 for nowhere."""
    if pattern[at : at + 1] == "^":
        at += 1
    start = at
    while True:
        if pattern[at : at + 1] == "]" and at > start:
            return at + 1
        at = _member_end(pattern, at)
        if at > 0 and pattern[at : at + 1] == "-":
            at = _member_end(pattern, at + 1)
        if at < 0:
            return -1


def _member_end(pattern: str, at: int) -> int:
    char = pattern[at : at + 1]
    if char == "\\":
        at += 1
    elif char in ("-", "]"):
        return -1
    return at + 1 if at + 1 < len(pattern) else -1


def _matching(pattern: str) -> Callable[[str], bool]:
    """Return the quickest test that says what the regular expression would."""
    kind, expression = _translated(pattern)
    match kind:
        case "exact":
            return pattern.__eq__
        case "prefix":
            start = pattern[:-2]
            return lambda path: path.startswith(start)
        case "suffix":
            end = pattern[2:]
            return lambda path: path.endswith(end) or (end.startswith("/") and path == end[1:])
    found = re.compile(expression + r"\Z", re.ASCII).match
    return lambda path: found(path) is not None


def _translated(pattern: str) -> tuple[str, str]:
    """Return what kind of test suffices, and the regular expression."""
    kind, out = "exact", []
    at, end, inside = 0, len(pattern), False
    while at < end:
        char, start = pattern[at], at
        at += 1
        if char == "*" and pattern[at : at + 1] == "*":
            at += 2 if pattern[at + 1 : at + 2] == "/" else 1
            if at < end:
                out.append("(.*/)?")
                kind = "regex"
            elif kind == "exact":
                kind = "prefix"
            else:
                out.append(".*")
                kind = "regex"
            if start == 0:
                kind = "suffix"
        elif char in "*?":  # within a class too: theirs does not know where it stands
            out.append(("\\" if inside else "") + ("[^/]*" if char == "*" else "[^/]"))
            kind, inside = "regex", False
        elif char in ESCAPED:
            out.append("\\" + char)
        elif char == "\\":
            out.append(_escape(pattern[at]))
            at += 1
            kind = "regex"
        elif char in "[]":
            out.append("\\[" if inside and char == "[" else char)
            inside = char == "["
            kind = "regex"
        else:
            out.append("\\" + char if inside and char in "&~" else char)
    return kind, "".join(out)


def _escape(char: str) -> str:
    return LETTERS[char] if char.isascii() and char.isalnum() else re.escape(char)
