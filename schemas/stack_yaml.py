"""YAML as nodes with line numbers, read from hostile files: limits first, no tags, no objects.

Scalars keep the text as it was written: what is a number or a bool is for the reader to say,
as it is in faas-cli, where ``yes`` and ``010`` put into text stay ``yes`` and ``010``.
"""

from collections.abc import Iterator
from typing import Final

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml import events as ev
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.reader import ReaderError

from schemas.errors import GiveUp

BYTES: Final = 1024 * 1024
DEPTH: Final = 32
NODES: Final = 50_000  # after expansion of the aliases


class YamlInvalid(GiveUp):
    """A file is not YAML that we read; ``line`` is counted from 1, 0 for none."""

    code = "yaml_invalid"

    def __init__(self, message: str, *, hint: str = "", line: int = 0) -> None:
        """Say what is wrong, where."""
        super().__init__(message, hint=hint)
        self.line = line


class Scalar(msgspec.Struct, frozen=True):
    """A text as it was written; ``plain``: without quotes, so that YAML may see more in it."""

    text: str
    line: int
    plain: bool = False

    @property
    def null(self) -> bool:
        """Tell whether YAML reads it as nothing at all."""
        return self.plain and self.text in ("", "~", "null", "Null", "NULL")


class Items(msgspec.Struct, frozen=True):
    """A list."""

    items: tuple["Node", ...]
    line: int


class Table(msgspec.Struct, frozen=True):
    """A mapping, in order, merge keys resolved; a repeated key is in ``repeated``, first wins."""

    rows: dict[str, "Row"]
    line: int
    repeated: tuple[Scalar, ...] = ()


class Row(msgspec.Struct, frozen=True):
    """One entry of a mapping and the line its key stands on."""

    value: "Node"
    line: int


Node = Scalar | Items | Table


def read(body: bytes) -> Node:
    """Return the one document in ``body``; raises YamlInvalid."""
    found = documents(body)
    if len(found) > 1:
        raise YamlInvalid(
            "a second document",
            hint="keep one document, remove the line ---",
            line=found[1][0],
        )
    return found[0][1] if found else Scalar("", 1, plain=True)


def documents(body: bytes) -> list[tuple[int, Node]]:
    """Return every document in ``body`` with the line it begins in; raises YamlInvalid."""
    if len(body) > BYTES:
        raise YamlInvalid(f"{len(body)} bytes, more than the {BYTES} that are read")
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = body[: error.start].count(b"\n") + 1
        raise YamlInvalid("not UTF-8", hint="save the file as UTF-8", line=line) from error
    try:
        return _Composer(text).documents()
    except MarkedYAMLError as error:
        raise _explained(error) from error
    except ReaderError as error:
        line = text[: error.position].count("\n") + 1
        raise YamlInvalid("a control character", hint="remove it", line=line) from error
    except (YAMLError, ValueError) as error:
        first = str(error).partition("\n")[0]
        raise YamlInvalid(f"not YAML: {first}") from error


def _explained(error: MarkedYAMLError) -> YamlInvalid:
    mark = error.problem_mark or error.context_mark
    said = " ".join(str(error.problem or error.context or "not YAML").split())
    hint = "indent with spaces" if "\\t" in said else ""
    return YamlInvalid(f"not YAML: {said}", hint=hint, line=mark.line + 1 if mark else 0)


class _Composer:
    """Builds nodes from the parser's events, which cost no stack however deep they nest."""

    def __init__(self, text: str) -> None:
        self.events: Iterator[ev.Event] = YAML(typ="safe", pure=True).parse(text)
        self.anchors: dict[str, tuple[Node, int]] = {}
        self.budget = NODES

    def documents(self) -> list[tuple[int, Node]]:
        found = []
        for event in self.events:
            if isinstance(event, ev.DocumentStartEvent):
                self.anchors.clear()  # each document has its own
                found.append((_line(event), self.node(next(self.events), 0)))
        return found

    def node(self, event: ev.Event, depth: int) -> Node:
        if depth > DEPTH:
            raise YamlInvalid(f"nested deeper than {DEPTH}", line=_line(event))
        before = self.budget
        self.spend(1, event)
        made: Node
        match event:
            case ev.AliasEvent():
                return self.alias(event)
            case ev.ScalarEvent():
                made = Scalar(event.value, _line(event), plain=event.style is None)
            case ev.SequenceStartEvent():
                made = self.items(event, depth)
            case ev.MappingStartEvent():
                made = self.table(event, depth)
            case _:
                raise YamlInvalid("not YAML", line=_line(event))
        if event.anchor:
            self.anchors[event.anchor] = made, before - self.budget
        return made

    def spend(self, nodes: int, event: ev.Event) -> None:
        self.budget -= nodes
        if self.budget < 0:
            raise YamlInvalid(f"more than {NODES} values, aliases expanded", line=_line(event))

    def alias(self, event: ev.AliasEvent) -> Node:
        if event.anchor not in self.anchors:
            raise YamlInvalid(f"alias *{event.anchor} before its anchor", line=_line(event))
        node, nodes = self.anchors[event.anchor]
        self.spend(nodes, event)
        return node

    def items(self, start: ev.Event, depth: int) -> Items:
        found: list[Node] = []
        for event in self.events:
            if isinstance(event, ev.SequenceEndEvent):
                break
            found.append(self.node(event, depth + 1))
        return Items(tuple(found), _line(start))

    def table(self, start: ev.Event, depth: int) -> Table:
        rows: dict[str, Row] = {}
        merged: list[Table] = []
        repeated: list[Scalar] = []
        for event in self.events:
            if isinstance(event, ev.MappingEndEvent):
                break
            key = self.node(event, depth + 1)
            value = self.node(next(self.events), depth + 1)
            if not isinstance(key, Scalar):
                raise YamlInvalid("a list or mapping as a key", line=key.line)
            if key.plain and key.text == "<<":
                merged += _mergeable(value, key.line)
            elif key.text in rows:
                repeated.append(msgspec.structs.replace(key, line=_line(event)))
            else:
                rows[key.text] = Row(value, _line(event))
        for table in merged:
            rows = rows | {name: row for name, row in table.rows.items() if name not in rows}
        return Table(rows, _line(start), tuple(repeated))


def _mergeable(value: Node, line: int) -> list[Table]:
    found = value.items if isinstance(value, Items) else (value,)
    tables = [node for node in found if isinstance(node, Table)]
    if len(tables) != len(found):
        raise YamlInvalid("<< merges mappings only", line=line)
    return tables


def _line(event: ev.Event) -> int:
    return int(event.start_mark.line) + 1
