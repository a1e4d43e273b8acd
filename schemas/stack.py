"""stack.yml: what a repository says of its functions, in every field faas-cli knows.

``parse`` finds all errors at once. A field that is known and not honoured yet, and one that
nobody knows, is a warning that reaches whoever pushed. What is honoured depends on the builder
and the platform that the operator chose: they say so, and ``honoured`` is what both said.
"""

from collections.abc import Collection

from schemas.events.run import Problem
from schemas.stack_reader import StackReader
from schemas.stack_spec import (
    ALIASES,
    LANGUAGES,
    NAMES,
    FunctionSpec,
    Resources,
    Stack,
    StackInvalid,
)

__all__ = [
    "ALIASES",
    "LANGUAGES",
    "NAMES",
    "FunctionSpec",
    "Resources",
    "Stack",
    "StackInvalid",
    "environment_of",
    "lint",
    "parse",
]


def parse(
    text: bytes,
    *,
    file: str = NAMES[0],
    languages: Collection[str] = LANGUAGES,
    honoured: Collection[str] = (),
) -> Stack:
    """Return the stack with its warnings; raises StackInvalid with every error."""
    reader = StackReader(file, languages, honoured)
    stack = reader.stack(text)
    reader.give_up_on_errors()
    return stack


def lint(
    text: bytes, *, file: str = NAMES[0], languages: Collection[str] = LANGUAGES
) -> list[Problem]:
    """Return every error in a stack.yml, none for a good one."""
    try:
        parse(text, file=file, languages=languages)
    except StackInvalid as error:
        return list(error.problems)
    return []


def environment_of(text: bytes, *, file: str) -> dict[str, str]:
    """Return the variables of an environment_file; raises StackInvalid with every error."""
    reader = StackReader(file, ())
    values = reader.environment_file(text)
    reader.give_up_on_errors()
    return values
