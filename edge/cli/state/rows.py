"""Rows as people name them, and what is different between two of them."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias

import msgspec

from edge.cli.state.folds import every
from schemas.errors import PushlineError

Row: TypeAlias = dict[str, Any]  # a fold's row as JSON has it


class StateUnknown(PushlineError):
    """There is no such state, or nothing of this name in it."""

    code = "state_unknown"


class Noun(msgspec.Struct, frozen=True):
    """A state by the word that people have for it."""

    fold: str
    name: Callable[[str, Row], str]  # of key and row, as other commands take it
    shown: tuple[str, ...] = ()  # the fields of a list


def _function(_: str, row: Row) -> str:
    short = f"{row.get('label', '')}/{row['function']}"
    return short if row["environment"] == "production" else f"{short}@{row['environment']}"


def _key(key: str, _: Row) -> str:
    return key


NOUNS: Final[dict[str, Noun]] = {
    "projects": Noun(
        "api-projects",
        lambda _, row: str(row["name"]),
        ("forge", "label", "functions", "runs", "last_run", "last_outcome"),
    ),
    "runs": Noun(
        "api-runs", lambda key, _: key, ("name", "environment", "branch", "sha", "outcome")
    ),
    "functions": Noun("api-functions", _function, ("status", "revision", "sha", "deploys")),
    "routes": Noun("routes", _function, ("revision", "upstream", "upstreams")),
    "domains": Noun("domains", _key, ("label", "function", "by")),
}


def chosen(what: str) -> tuple[Noun, str]:
    """Return the state that ``runs/01JD`` means, and the name within it; "" for all of it.

    Any fold's own name is taken too. Raises StateUnknown, which says what there is.
    """
    word, _, name = what.partition("/")
    if noun := NOUNS.get(word):
        return noun, name
    if word in every():
        return Noun(word, _key), name
    raise StateUnknown(
        f"there is no state {word}",
        hint=f"there are {', '.join(NOUNS)}; and the folds {', '.join(sorted(every()))}",
    )


def as_rows(rows: Mapping[str, Any]) -> dict[str, Row]:
    """Return a fold's rows as JSON has them."""
    return {key: msgspec.json.decode(msgspec.json.encode(row)) for key, row in rows.items()}


def fits(noun: Noun, name: str, key: str, row: Row) -> bool:
    """Tell whether a name, or the start of it, means this row."""
    if not name:
        return True
    known = noun.name(key, row)
    if noun.fold == "api-runs":  # ids are pasted in part, and so are commits
        return known.startswith(name.upper()) or str(row.get("sha", "")).startswith(name.lower())
    return known == name or known.startswith((f"{name}/", f"{name}@")) or key == name


def changes(before: Any, after: Any, at: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield each field that is different: its path, what it was, what it is; None for nothing."""
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for name in dict.fromkeys((*before, *after)):
            yield from changes(before.get(name), after.get(name), f"{at}.{name}" if at else name)
    else:
        yield at, before, after
