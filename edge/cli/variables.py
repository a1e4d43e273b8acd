"""Variables of the environment: how a struct of settings is filled, shown and explained."""

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Final, TypeVar, get_args, get_origin

import msgspec
from msgspec import Meta

from schemas.errors import SettingInvalid

PREFIX: Final = "PUSHLINE_"
FILE: Final = "_FILE"  # ends the variable that names a secret's file
SECRET: Final = Meta(extra={"secret": True})

S = TypeVar("S", bound=msgspec.Struct)


class Secretive(msgspec.Struct, frozen=True):
    """A struct whose repr says of a secret only whether it is set."""

    def __repr__(self) -> str:
        """Return the fields, secrets as ``***``."""
        shown = []
        for field in msgspec.structs.fields(type(self)):
            value = getattr(self, field.name)
            hidden = is_secret(field) and value
            shown.append(f"{field.name}={'***' if hidden else repr(value)}")
        return f"{type(self).__name__}({', '.join(shown)})"


def secrets_of(settings: msgspec.Struct) -> list[str]:
    """Return the secrets that are set, to be kept out of what is shown."""
    fields = msgspec.structs.fields(settings)
    return [
        text for field in fields if is_secret(field) and (text := getattr(settings, field.name))
    ]


class Row(msgspec.Struct, frozen=True):
    """One line of the manual."""

    variable: str
    default: str
    meaning: str


def is_secret(field: msgspec.structs.FieldInfo) -> bool:
    """Tell whether a field's value may not be shown."""
    return any(meta.extra and meta.extra.get("secret") for meta in _metas(field))


def _metas(field: msgspec.structs.FieldInfo) -> Iterator[Meta]:
    if get_origin(field.type) is Annotated:
        yield from (part for part in get_args(field.type) if isinstance(part, Meta))


def variable(name: str) -> str:
    """Return the environment variable of a field."""
    return PREFIX + name.upper()


def load(kind: type[S], environ: Mapping[str, str]) -> S:
    """Fill ``kind`` from ``PUSHLINE_<FIELD>``, a secret also from ``PUSHLINE_<FIELD>_FILE``.

    SettingInvalid names a bad variable and its cure.
    """
    values: dict[str, object] = {}
    for field in msgspec.structs.fields(kind):
        text = _given(field, environ)
        if not text:  # an empty variable is an unset one, as in `PUSHLINE_LISTEN= pushline up`
            continue
        try:
            values[field.name] = msgspec.convert(_truth(text), field.type, strict=False)
        except msgspec.ValidationError as error:
            raise _invalid(field, text, error) from error
    return kind(**values)


def _given(field: msgspec.structs.FieldInfo, environ: Mapping[str, str]) -> str:
    """Return a field's text: its variable, or the content of the file that a secret's names."""
    name = variable(field.name)
    text = environ.get(name, "").strip()
    path = environ.get(name + FILE, "").strip() if is_secret(field) else ""
    if not path:
        return text
    if text:
        raise SettingInvalid(
            f"{name} and {name}{FILE} are both set", hint="set one: the value, or its file"
        )
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise SettingInvalid(
            f"{name}{FILE}: {path} cannot be read: {reason}",
            hint="a file of one line, readable by the user that Pushline runs as",
        ) from error


def _truth(text: str) -> str:
    words = {"yes": "true", "on": "true", "no": "false", "off": "false"}
    return words.get(text.lower(), text)


def _invalid(
    field: msgspec.structs.FieldInfo, text: str, error: msgspec.ValidationError
) -> SettingInvalid:
    shown = "its value" if is_secret(field) else repr(text)
    meaning = "; ".join(meta.description for meta in _metas(field) if meta.description)
    default = f", for example {field.default}" if field.default not in ("", None) else ""
    return SettingInvalid(
        f"{variable(field.name)}: {shown} cannot be used: {error}",
        hint=f"{meaning}{default}",
    )


def unknown(kind: type[msgspec.Struct], environ: Mapping[str, str]) -> list[str]:
    """Return a warning for each ``PUSHLINE_*`` variable that sets nothing, and the nearest name."""
    known = list(_names(kind))
    warnings = []
    for name in sorted(environ):
        rest = name.removeprefix(PREFIX)
        if rest != name and rest not in known:
            near = difflib.get_close_matches(rest, known, n=1)
            cure = f"; did you mean {PREFIX}{near[0]}?" if near else "; see `pushline up --help`"
            warnings.append(f"{name} sets nothing{cure}")
    return warnings


def _names(kind: type[msgspec.Struct]) -> Iterator[str]:
    for field in msgspec.structs.fields(kind):
        yield field.name.upper()
        if is_secret(field):
            yield field.name.upper() + FILE


def manual(kind: type[msgspec.Struct]) -> list[Row]:
    """Return a row for each variable, in the order of the fields, inherited ones last."""
    rows, own = [], kind.__annotations__
    for field in sorted(msgspec.structs.fields(kind), key=lambda one: one.name not in own):
        default = "" if field.default in ("", None) else str(field.default)
        if isinstance(field.default, bool):
            default = default.lower()
        meaning = "; ".join(meta.description for meta in _metas(field) if meta.description)
        rows.append(Row(variable(field.name), default, meaning))
    return rows


def markdown(kind: type[msgspec.Struct], groups: Mapping[str, str]) -> str:
    """Return the manual as the README's table; ``groups``: a heading before these fields."""
    lines = ["| variable | default | meaning |", "|---|---|---|"]
    headings = {variable(name): heading for name, heading in groups.items()}
    for row in manual(kind):
        if heading := headings.get(row.variable):
            lines.append(f"| **{heading}** | | |")
        default = f"`{row.default}`" if row.default else ""
        lines.append(f"| `{row.variable}` | {default} | {row.meaning} |")
    return "\n".join(lines)
