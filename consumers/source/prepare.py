"""From a commit's files to one archive a function: pure computing, the same bytes each time."""

from collections.abc import Collection, Iterator

import msgspec

from consumers.source.archive import Templates, TooMuch, collisions, pack
from consumers.source.limits import Refused, refused
from consumers.source.secrets import Need, needs_of
from consumers.source.tree import Outside, Tree
from schemas.environments import Previews
from schemas.events.run import Problem
from schemas.ids import Digest, digest_of
from schemas.sealed import FILE
from schemas.stack import NAMES, FunctionSpec, Stack, StackInvalid, environment_of, parse

SHOWN = 100  # problems and warnings that one fact carries


class Archive(msgspec.Struct, frozen=True):
    """One function, ready to be built."""

    spec: FunctionSpec
    tar: bytes

    @property
    def digest(self) -> Digest:
        """Return the address of the tar, before any compression."""
        return digest_of(self.tar)


class Prepared(msgspec.Struct, frozen=True):
    """All that a commit asks for."""

    archives: tuple[Archive, ...]
    warnings: tuple[Problem, ...]
    previews: Previews | None = None
    needs: tuple[Need, ...] = ()  # secrets that have to be there
    sealed: bytes | None = None  # secrets.yml, unread; None: there is none


def prepare(tree: Tree, templates: Templates, honoured: Collection[str] = ()) -> Prepared:
    """Return the archives of a commit; raises Refused with every problem found.

    ``honoured`` are the fields of stack.yml that builder and platform act on.
    """
    stack = _stack(tree, templates, honoured)
    if "template" in tree.children:
        message = 'unsupported custom "templates" folder'
        raise refused("stack_invalid", message, "remove the folder template", file="template")
    problems: list[Problem] = []
    archives = []
    for spec in stack.functions:
        wrong = list(_misplaced(spec, stack, tree))
        if not wrong:
            archive = _archive(spec, stack, tree, templates, wrong)
            archives += [archive] if archive else []
        problems += wrong
    problems += _copies(stack, tree)
    if problems:
        ordered = sorted(set(problems), key=lambda problem: (problem.line, problem.message))
        raise Refused("stack_invalid", tuple(ordered[:SHOWN]))
    warnings = [*stack.warnings, *tree.warnings()]
    needs = needs_of(stack, honoured)
    return Prepared(tuple(archives), tuple(warnings[:SHOWN]), stack.previews, needs, _sealed(tree))


def _stack(tree: Tree, templates: Templates, honoured: Collection[str]) -> Stack:
    for name in NAMES:
        if name in tree.entries:
            try:
                body = tree.body(tree.resolve(name))
                known = templates.languages
                return parse(body, file=name, languages=known, honoured=honoured)
            except StackInvalid as error:
                raise Refused("stack_invalid", error.problems) from error
            except Outside as error:
                raise refused("stack_invalid", str(error), file=name) from error
    cure = "add a stack.yml to the root of the repository"
    raise refused("stack_missing", "there is no stack.yml", cure, file=NAMES[0])


def _misplaced(spec: FunctionSpec, stack: Stack, tree: Tree) -> Iterator[Problem]:
    field = f"functions.{spec.name}.handler"
    try:
        if tree.kind(tree.resolve(spec.handler)) != "folder":
            message = f"{spec.handler} is not a folder"
            yield stack.problem(field, message, "name the folder that the code is in")
    except Outside as error:
        cure = "name a folder of the repository, such as ./hello"
        yield stack.problem(field, f"{spec.handler} {error}", cure)


def _copies(stack: Stack, tree: Tree) -> Iterator[Problem]:
    for place, path in enumerate(stack.copy):
        try:
            tree.resolve(path)
        except Outside as error:
            yield stack.problem(f"configuration.copy[{place}]", f"{path} {error}")


def _archive(
    spec: FunctionSpec, stack: Stack, tree: Tree, templates: Templates, wrong: list[Problem]
) -> Archive | None:
    field = f"functions.{spec.name}.handler"
    environment = _environment(spec, stack, tree, wrong)
    try:
        files = templates.context(spec, tree, _there(stack, tree))
    except (Outside, TooMuch) as error:
        wrong.append(stack.problem(field, str(error)))
        return None
    for one, other in collisions(files):
        message = f"{one} and {other} are the same on some file systems"
        wrong.append(stack.problem(field, message, "rename one of them"))
    if wrong:
        return None
    full = msgspec.structs.replace(spec, environment=environment)
    return Archive(full, pack(files.values()))


def _there(stack: Stack, tree: Tree) -> Iterator[str]:
    for path in stack.copy:
        try:
            tree.resolve(path)
        except Outside:
            continue  # _copies tells
        yield path


def _environment(
    spec: FunctionSpec, stack: Stack, tree: Tree, wrong: list[Problem]
) -> dict[str, str]:
    merged = dict(spec.environment)
    for place, path in enumerate(spec.environment_file):
        field = f"functions.{spec.name}.environment_file[{place}]"
        try:
            real = tree.resolve(path)
            merged |= environment_of(tree.body(real), file=path)
        except Outside as error:
            wrong.append(stack.problem(field, f"{path} {error}"))
        except StackInvalid as error:
            wrong += error.problems
    return merged


def _sealed(tree: Tree) -> bytes | None:
    if FILE not in tree.entries:
        return None
    try:
        return tree.body(tree.resolve(FILE))
    except Outside as error:
        raise refused("secrets_invalid", str(error), file=FILE) from error
