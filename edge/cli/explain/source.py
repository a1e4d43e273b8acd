"""Error codes as our own source tells of them: class, docstring, and the hints it is raised with.

The source is read, not imported: half of it needs libraries that take a second to load.
"""

import ast
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from edge.cli.explain.cures import CURES, OTHERS

ROOT: Final = Path(__file__).parents[3]
ROOMS: Final = ("bus", "consumers", "edge", "schemas")
BASE: Final = "PushlineError"
HINTS: Final = 5  # shown of one code


class Code(msgspec.Struct, frozen=True, kw_only=True):
    """One error code."""

    code: str
    meaning: str
    cures: tuple[str, ...]
    again: bool = False  # a worker that meets it tries again by itself


class _Class(msgspec.Struct, frozen=True):
    name: str
    bases: tuple[str, ...]
    code: str
    meaning: str


@functools.cache
def codes() -> dict[str, Code]:
    """Return every code there is, by its name."""
    classes: dict[str, list[_Class]] = {}
    hints: dict[str, list[str]] = {}
    for tree in _trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                found = _class(node)
                classes.setdefault(found.name, []).append(found)
            elif isinstance(node, ast.Call) and (hint := _hint(node)):
                hints.setdefault(_name(node.func), []).append(hint)
    described: dict[str, Code] = dict(OTHERS_DESCRIBED)
    for alike in classes.values():
        for one in alike:
            if one.code and _leads(one, BASE, classes):
                told = tuple(dict.fromkeys(hints.get(one.name, ())))[:HINTS]
                own = CURES.get(one.code)
                described[one.code] = Code(
                    code=one.code,
                    meaning=one.meaning,
                    cures=(own,) if own else told,
                    again=_leads(one, "Retry", classes),
                )
    return described


OTHERS_DESCRIBED: Final = {
    code: Code(code=code, meaning=meaning, cures=(cure,)) for code, meaning, cure in OTHERS
}


def _trees() -> Iterator[ast.Module]:
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            if "code = " in text or "hint=" in text or "Error)" in text:
                yield ast.parse(text)


def _class(node: ast.ClassDef) -> _Class:
    code = ""
    for line in node.body:
        match line:
            case (
                ast.Assign(targets=[ast.Name(id="code")], value=ast.Constant(value=str(text)))
                | ast.AnnAssign(target=ast.Name(id="code"), value=ast.Constant(value=str(text)))
            ):
                code = text
    meaning = " ".join((ast.get_docstring(node) or "").split())
    return _Class(node.name, tuple(map(_name, node.bases)), code, meaning)


def _leads(one: _Class, to: str, classes: dict[str, list[_Class]]) -> bool:
    """Tell whether a class is derived from another, by name."""
    if one.name == to:
        return True
    above = (known for base in one.bases for known in classes.get(base, ()))
    return any(_leads(known, to, classes) for known in above if known is not one)


def _name(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(attr=name):
            return name
        case ast.Subscript(value=value):
            return _name(value)
        case _:
            return ""


def _hint(call: ast.Call) -> str:
    """Return the hint of a raised error; what is put in at run time becomes ``…``."""
    for keyword in call.keywords:
        if keyword.arg == "hint":
            return _text(keyword.value)
    return ""


def _text(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return "".join(_text(value) for value in values)
        case ast.FormattedValue():
            return "…"
        case _:
            return ""
