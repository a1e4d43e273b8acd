"""A stack out of its file, field by field."""

import re
from collections.abc import Callable, Collection
from typing import Any, Final

from schemas import route, schedule, stack_previews
from schemas.stack_fields import FieldReader, closest
from schemas.stack_spec import ALIASES, FunctionSpec, Resources, Stack
from schemas.stack_yaml import Items, Node, Row, Scalar, Table

VERSION: Final = "1.0"
PROVIDER: Final = "openfaas"
FUNCTIONS: Final = 100  # in one stack
LABEL: Final = 63  # characters of a DNS label
LABEL_WITH_SECRETS: Final = 45  # Kubernetes names a volume after the function

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_MEMORY = re.compile(r"\d+(\.\d+)?(m|k|[KMGTPE]i?|e\d+)?")
_CPU = re.compile(r"\d+m|\d+(\.\d{1,3})?")
_ROOT: Final = ("version", "provider", "functions", "configuration", "previews")
_RESERVED: Final = ("com.openfaas.cloud.", "faas_function", "app", "uid")


def _resources(reader: FieldReader, node: Node, field: str) -> Resources:
    found = {}
    for key, row in reader.rows(reader.table(node, field), field, ("memory", "cpu")):
        place = f"{field}.{key}"
        found[key] = reader.text(row.value, place)
        shape, like = (_MEMORY, "128Mi") if key == "memory" else (_CPU, "500m or 0.5")
        if found[key] and not shape.fullmatch(found[key]):
            reader.error(row.line, place, f"{found[key]} is not an amount", f"such as {like}")
    return Resources(**found)


def _acts(kind: str, key: str) -> bool:
    """Tell whether a gateway would act on a label or an annotation."""
    if kind == "labels":
        return ".scale." in key
    return key.startswith("com.openfaas.")


Reading = Callable[[FieldReader, Node, str], object]
_FIELDS: Final[dict[str, Reading]] = {
    "lang": FieldReader.text,
    "handler": FieldReader.text,
    "image": FieldReader.text,
    "fprocess": FieldReader.text,
    "environment": FieldReader.variables,
    "environment_file": FieldReader.paths,
    "secrets": FieldReader.texts,
    "skip_build": FieldReader.flag,
    "constraints": FieldReader.texts,
    "labels": FieldReader.texts_by_name,
    "annotations": FieldReader.texts_by_name,
    "limits": _resources,
    "requests": _resources,
    "readonly_root_filesystem": FieldReader.flag,
    "build_options": FieldReader.texts,
    "build_args": FieldReader.texts_by_name,
    "build_secrets": FieldReader.texts_by_name,
    "namespace": FieldReader.text,
    "platforms": FieldReader.text,
    "registry_auth": FieldReader.text,
}
# Known, read, kept in the spec, and without effect where neither builder nor platform honours it.
_NOT_YET: Final = {
    "secrets": "the function starts without them",
    "skip_build": "the function is built",
    "constraints": "there is one place to run",
    "requests": "limits are honoured",
    "readonly_root_filesystem": "the function may write in its own folder",
    "build_options": "list packages in requirements.txt or package.json",
    "build_args": "no engine takes them",
    "build_secrets": "no engine takes them",
    "namespace": "the tenant's label takes its place",
    "platforms": "functions are built for this machine",
    "registry_auth": "no registry is used",
}


class StackReader(FieldReader):
    """Reads one stack.yml; problems gather in ``errors`` and ``warnings``."""

    def __init__(
        self, file: str, languages: Collection[str], honoured: Collection[str] = ()
    ) -> None:
        """Know the templates there are, and the fields that have an effect."""
        super().__init__(file)
        self.languages = languages
        self.honoured = honoured

    def stack(self, text: bytes) -> Stack:
        """Return what can be read; whether it is usable, ``errors`` tells."""
        root = self.root(text)
        if self.errors and not root.rows:
            return Stack()
        rows = dict(self.rows(root, "", _ROOT))
        if "version" in rows:
            self.version(rows["version"])
        gateway = self.provider(rows.get("provider"), root)
        functions = self.functions(rows.get("functions"), root)
        copy, templates = self.configuration(rows.get("configuration"))
        return Stack(
            functions=functions,
            gateway=gateway,
            copy=copy,
            templates=templates,
            previews=stack_previews.read(self, rows["previews"]) if "previews" in rows else None,
            warnings=self.sorted(self.warnings),
            lines=self.lines,
            file=self.file,
        )

    def version(self, row: Row) -> None:
        """Check the file's version as faas-cli does."""
        said = self.text(row.value, "version")
        if said not in ("", VERSION):
            message = f"[{VERSION}] are the only valid versions for the stack file - found: {said}"
            self.error(row.line, "version", message, f"write version: {VERSION}")

    def provider(self, row: Row | None, root: Table) -> str:
        """Check the provider's name as faas-cli does; return the gateway."""
        table = self.table(row.value, "provider") if row else Table({}, root.line)
        rows = dict(self.rows(table, "provider", ("name", "gateway")))
        said = self.text(rows["name"].value, "provider.name") if "name" in rows else ""
        if said != PROVIDER:
            message = (
                f"['{PROVIDER}'] is the only valid \"provider.name\" for the OpenFaaS CLI, "
                f"but you gave: {said}"
            )
            line = rows["name"].line if "name" in rows else row.line if row else root.line
            self.error(line, "provider.name", message, f"write provider: {{name: {PROVIDER}}}")
        return self.text(rows["gateway"].value, "provider.gateway") if "gateway" in rows else ""

    def functions(self, row: Row | None, root: Table) -> tuple[FunctionSpec, ...]:
        """Return every function that can be read."""
        table = self.table(row.value, "functions") if row else Table({}, root.line)
        if not table.rows:
            said = "no functions, nothing will be deployed"
            self.warn(row.line if row else root.line, "functions", said)
        if len(table.rows) > FUNCTIONS:
            said = f"{len(table.rows)} functions, more than {FUNCTIONS}"
            self.error(table.line, "functions", said, "use more than one repository")
        return tuple(self.function(name, row) for name, row in table.rows.items())

    def function(self, name: str, row: Row) -> FunctionSpec:
        """Return one function."""
        place = f"functions.{name}"
        self.lines[place] = row.line
        table = self.table(row.value, place)
        found: dict[str, Any] = {}
        for key, entry in self.rows(table, place, _FIELDS):
            found[key] = _FIELDS[key](self, entry.value, f"{place}.{key}")
            if key in _NOT_YET and key not in self.honoured and found[key]:
                said = f"not honoured yet: {_NOT_YET[key]}"
                self.warn(entry.line, f"{place}.{key}", said)
        self.name(name, row.line, secrets=bool(found.get("secrets")))
        self.marks(found, place)
        language = self.language(found.pop("lang", ""), place, table, row.line)
        handler = self.handler(found.pop("handler", ""), place, table, row.line)
        found["fprocess"] = self.process(found.get("fprocess", ""), language, place, table)
        return FunctionSpec(name=name, language=language, handler=handler, **found)

    def name(self, name: str, line: int, *, secrets: bool) -> None:
        """Check a function's name: it becomes part of host names and of paths."""
        field = f"functions.{name}"
        limit = LABEL_WITH_SECRETS if secrets else LABEL
        if not _NAME.fullmatch(name):
            cure = "small letters, digits and - within, such as "
            fit = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "hello"
            self.error(line, field, "not a function's name", cure + fit[:limit])
        elif len(name) > limit:
            why = " for a function with secrets" if secrets else ""
            message = f"the name has {len(name)} characters, {limit} are allowed{why}"
            self.error(line, field, message, "choose a shorter name")

    def language(self, said: str, place: str, table: Table, line: int) -> str:
        """Return the template's name, aliases resolved."""
        field = f"{place}.lang"
        language = ALIASES.get(said, said)
        if not said:
            self.missing(table, field, line, f"such as {self.known_languages()}")
        elif language not in self.languages:
            cure = closest(said, self.languages) or f"there are {self.known_languages()}"
            message = f"Not supported language: {said}"
            self.error(self.lines.get(field, line), field, message, cure)
        return language

    def known_languages(self) -> str:
        """Return the templates there are as a list to read."""
        return ", ".join(sorted(self.languages))

    def handler(self, said: str, place: str, table: Table, line: int) -> str:
        """Return the handler's folder, within the repository."""
        field = f"{place}.handler"
        if not said:
            self.missing(table, field, line, "the folder of its code, such as ./hello")
            return ""
        return self.path(said, field, line)

    def process(self, said: str, language: str, place: str, table: Table) -> str:
        """Return the program to run, empty where the template has its own."""
        field = f"{place}.fprocess"
        if language == "exec" and not said:
            self.missing(table, field, table.line, "the program to run, such as ./hello.sh")
        if language == "exec" or (language == "dockerfile" and "fprocess" in self.honoured):
            return said
        if said:
            message = "not honoured: the template has its own process"
            self.warn(self.lines[field], field, message, "use lang: exec for a program")
        return ""

    def missing(self, table: Table, field: str, line: int, cure: str) -> None:
        """Note a field that must be there; a misspelt one nearby is named."""
        if any(problem.field == field for problem in self.errors):
            return  # it is there, and wrong
        key = field.rpartition(".")[2]
        for given, row in table.rows.items():
            if given not in _FIELDS and closest(given, [key]):
                cure = f"line {row.line} says {given}, did you mean {key}?"
        self.error(self.lines.get(field, line), field, f"{key} is missing", cure)

    def marks(self, found: dict[str, Any], place: str) -> None:
        """Warn of labels and annotations without an effect; check those for the router."""
        for kind in ("labels", "annotations"):
            for key in found.get(kind, ()):
                field = f"{place}.{kind}.{key}"
                if key.startswith(_RESERVED[0]) or (kind == "labels" and key in _RESERVED):
                    self.warn(self.lines[field], field, "not honoured: the platform's own holds")
                elif kind not in self.honoured and _acts(kind, key):
                    said = "not honoured yet: kept with the function only"
                    self.warn(self.lines[field], field, said)
        annotations = found.get("annotations", {})
        idle = () if "annotations" in self.honoured else schedule.without_effect(annotations)
        for key in idle:
            field = f"{place}.annotations.{key}"
            said = "has no effect: calls come by topic: cron-function alone, at its schedule"
            self.warn(self.lines[field], field, said)
        wrong = route.problems(annotations) | schedule.problems(annotations)
        for key, (message, cure) in wrong.items():
            field = f"{place}.annotations.{key}"
            self.error(self.lines[field], field, message, cure)

    def configuration(self, row: Row | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the paths to copy and the names of the templates asked for."""
        table = self.table(row.value, "configuration") if row else Table({}, 0)
        rows = dict(self.rows(table, "configuration", ("templates", "copy")))
        field = "configuration.copy"
        copy = self.paths(rows["copy"].value, field) if "copy" in rows else ()
        for place, path in enumerate(copy):
            if not path:
                said = "the whole repository can't be copied into a function"
                inner = f"{field}[{place}]"
                self.error(self.lines.get(inner, 0), inner, said, "name a folder or a file")
        return copy, self.templates(rows.get("templates"))

    def templates(self, row: Row | None) -> tuple[str, ...]:
        """Return the names of the templates asked for; the operator's are used."""
        if row is None or (isinstance(row.value, Scalar) and row.value.null):
            return ()
        field = "configuration.templates"
        if not isinstance(row.value, Items):
            self.error(row.line, field, "must be a list of name and source", "begin with -")
            return ()
        names = []
        for place, item in enumerate(row.value.items):
            inner = f"{field}[{place}]"
            rows = dict(self.rows(self.table(item, inner), inner, ("name", "source")))
            texts = {key: self.text(row.value, f"{inner}.{key}") for key, row in rows.items()}
            names.append(texts.get("name", ""))
        self.warn(row.line, field, "not honoured: only the operator's templates are used")
        return tuple(names)

    def environment_file(self, text: bytes) -> dict[str, str]:
        """Return the variables of faas-cli's ``environment: {…}`` files."""
        rows = dict(self.rows(self.root(text), "", ("environment",)))
        if "environment" not in rows:
            return {}
        return self.variables(rows["environment"].value, "environment")
