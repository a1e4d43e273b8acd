"""Values out of YAML nodes: what does not fit is noted with its line, and reading goes on."""

import difflib
import re
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import Final

from schemas.events.run import Problem
from schemas.stack_spec import StackInvalid
from schemas.stack_yaml import Items, Node, Row, Scalar, Table, YamlInvalid, read

_ENVSUBST = re.compile(r"\$\{[A-Za-z_]\w*[^}]*\}")
# What YAML 1.1 reads as a bool, an octal, base-60 or other number than it looks like.
_SURPRISE = re.compile(
    r"(?i:yes|no|on|off|y|n)|[-+]?0[0-9o_]+|\d+(?::[0-5]?\d)+|[\d.]+[eE][-+]?\d+"
)
PROBLEMS: Final = 100  # of one kind, and
SHOWN: Final = 300  # characters each keep a fact well below the size of a message
_FLAGS: Final = {"true": True, "false": False}


class FieldReader:
    """Reads values and keeps every problem; one per file."""

    def __init__(self, file: str) -> None:
        """Start with no problems."""
        self.file = file
        self.errors: list[Problem] = []
        self.warnings: list[Problem] = []
        self.lines: dict[str, int] = {}

    def give_up_on_errors(self) -> None:
        """Raise StackInvalid with every error, in the order of the file, if there is one."""
        if self.errors:
            raise StackInvalid(self.sorted(self.errors))

    def sorted(self, problems: list[Problem]) -> tuple[Problem, ...]:
        """Return problems in the order of the file, not more than a fact can carry."""
        ordered = sorted(problems, key=lambda problem: problem.line)
        if len(ordered) > PROBLEMS:
            more = Problem(f"{len(ordered) - PROBLEMS} more like these", file=self.file)
            ordered[PROBLEMS:] = [more]
        return tuple(ordered)

    def error(self, line: int, field: str, message: str, cure: str = "") -> None:
        """Note what makes the file unusable."""
        self.errors.append(self.problem(line, field, message, cure))

    def warn(self, line: int, field: str, message: str, cure: str = "") -> None:
        """Note what whoever pushed should know."""
        self.warnings.append(self.problem(line, field, message, cure))

    def problem(self, line: int, field: str, message: str, cure: str) -> Problem:
        """Return a problem that can be shown in a terminal, whatever the file has in it."""
        return Problem(shown(message), shown(cure), self.file, line, shown(field))

    def root(self, body: bytes) -> Table:
        """Return the file's mapping, an empty one where it cannot be read."""
        try:
            node = read(body)
        except YamlInvalid as error:
            self.error(error.line, "", error.message, error.hint)
            return Table({}, 0)
        return self.table(node, "")

    def table(self, node: Node, field: str) -> Table:
        """Return a mapping; a key that stands twice is an error."""
        if isinstance(node, Scalar) and node.null and field:
            return Table({}, node.line)
        if not isinstance(node, Table):
            self.error(node.line, field, f"must be a mapping, not {_kind(node)}")
            return Table({}, node.line)
        for key in node.repeated:
            first = node.rows[key.text].line
            self.error(
                key.line,
                _join(field, key.text),
                f"stands twice, first in line {first}",
                "remove one of them",
            )
        return node

    def rows(self, table: Table, field: str, known: Iterable[str]) -> Iterator[tuple[str, Row]]:
        """Yield the entries with a known key; warn of the others, naming the closest."""
        known = list(known)
        for key, row in table.rows.items():
            place = _join(field, key)
            self.lines[place] = row.line
            if key in known:
                yield key, row
                continue
            cure = closest(key, known)
            self.warn(row.line, place, "unknown field, passed over", cure)

    def text(self, node: Node, field: str) -> str:
        """Return a text as it was written, as faas-cli does, empty for null."""
        if not isinstance(node, Scalar):
            self.error(node.line, field, f"must be text, not {_kind(node)}")
            return ""
        if node.null:
            return ""
        if "\0" in node.text:
            self.error(node.line, field, "has a NUL character in it", "remove it")
        if found := _ENVSUBST.search(node.text):
            self.warn(
                node.line,
                field,
                f"{found[0]} is not substituted, it is taken as it stands",
                "write the value, or set it in environment",
            )
        return node.text

    def value(self, node: Node, field: str) -> str:
        """Return the value of a variable; warn where YAML may see something else than text."""
        if isinstance(node, Scalar) and node.plain:
            if node.null:
                self.warn(node.line, field, "has no value, taken as empty", 'write ""')
            elif _SURPRISE.fullmatch(node.text):
                said = f"taken as the text {node.text}, not as what YAML makes of it"
                self.warn(node.line, field, said, f'write "{node.text}"')
        return self.text(node, field)

    def texts(self, node: Node, field: str) -> tuple[str, ...]:
        """Return a list of texts."""
        if isinstance(node, Scalar) and node.null:
            return ()
        if not isinstance(node, Items):
            self.error(node.line, field, f"must be a list, not {_kind(node)}", "begin with -")
            return ()
        found = []
        for place, item in enumerate(node.items):
            inner = f"{field}[{place}]"
            self.lines[inner] = item.line
            found.append(self.text(item, inner))
            if not found[-1]:
                self.error(item.line, inner, "is empty", "write a value, or remove the line")
        return tuple(found)

    def texts_by_name(self, node: Node, field: str) -> dict[str, str]:
        """Return a mapping of texts."""
        found = {}
        for key, row in self.table(node, field).rows.items():
            inner = _join(field, key)
            self.lines[inner] = row.line
            found[key] = self.value(row.value, inner)
        return found

    def variables(self, node: Node, field: str) -> dict[str, str]:
        """Return environment variables; their names must be ones a process can have."""
        found = self.texts_by_name(node, field)
        for name in found:
            line = self.lines[_join(field, name)]
            if not name or "=" in name or "\0" in name:
                cure = "a name has no = in it and is not empty"
                self.error(line, _join(field, name), "not a variable's name", cure)
            elif name.startswith("PUSHLINE_"):
                cure = "choose a name without PUSHLINE_"
                self.error(line, _join(field, name), "names with PUSHLINE_ are ours", cure)
        return found

    def flag(self, node: Node, field: str) -> bool:
        """Return true or false."""
        said = self.text(node, field) if isinstance(node, Scalar) else None
        if said == "":
            return False
        flag = _FLAGS.get(said.lower()) if said else None
        if flag is None:
            found = _kind(node) if said is None else said
            self.error(node.line, field, f"must be true or false, not {found}")
        return bool(flag)

    def paths(self, node: Node, field: str) -> tuple[str, ...]:
        """Return a list of paths within the repository."""
        texts = self.texts(node, field)
        return tuple(
            self.path(text, f"{field}[{place}]", node.line) for place, text in enumerate(texts)
        )

    def path(self, text: str, field: str, line: int) -> str:
        """Return a path within the repository without ``./``; the root is the empty text."""
        path = PurePosixPath(text)
        line = self.lines.get(field, line)
        if path.is_absolute():
            cure = "write a path within the repository, such as ./hello"
            self.error(line, field, f"{text} is an absolute path", cure)
        elif ".." in path.parts:
            cure = "write a path within the repository, without .."
            self.error(line, field, f"{text} may lead out of the repository", cure)
        elif "\\" in text:
            self.error(line, field, f"{text} has a backslash in it", "write /")
        elif ".git" in (part.lower() for part in path.parts):
            self.error(line, field, f"{text} is git's own folder", "choose another folder")
        return "" if str(path) == "." else str(path)


def shown(text: str) -> str:
    """Return ``text`` without control characters, cut where it is long."""
    cut = text if len(text) <= SHOWN else text[:SHOWN] + "…"
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in cut)


def closest(word: str, known: Iterable[str]) -> str:
    """Return ``did you mean …?``, or nothing where no known word is near."""
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"did you mean {found[0]}?" if found else ""


def _kind(node: Node) -> str:
    if isinstance(node, Scalar):
        return "nothing" if node.null else f"the text {node.text[:60]!r}"
    return "a list" if isinstance(node, Items) else "a mapping"


def _join(field: str, key: str) -> str:
    return f"{field}.{key}" if field else key
