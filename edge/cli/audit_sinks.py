"""The file of the audit's sinks: TOML, a table a sink, secrets in files of their own."""

import tomllib
from pathlib import Path
from typing import Any, Final

import msgspec

from consumers.audit.sinks import Sending, Settings, SinkSettings, made
from edge.cli.variables import FILE, variable
from schemas.errors import SettingInvalid

BESIDE: Final = FILE.lower()  # url_file = "/run/secrets/slack" in the place of url = "…"
SECRET: Final = frozenset({"secret", "secret_key", "access_key", "url"})
NAME: Final = variable("audit_sinks")


def load(path: str) -> tuple[SinkSettings, ...]:
    """Return the sinks that a file describes; none without one. SettingInvalid names the field."""
    if not path:
        return ()
    try:
        tables = tomllib.loads(Path(path).expanduser().read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise SettingInvalid(
            f"{NAME}: {path} cannot be read: {reason}", hint="it is a TOML file, a [[sink]] each"
        ) from error
    given = tables.get("sink", [])
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise SettingInvalid(
            f"{NAME}: sink is no list of tables", hint="write [[sink]] before each"
        )
    for place, table in enumerate(given, 1):
        _with_secrets(table, f"{NAME}: sink {table.get('name', place)}")
    return _checked(tables)


def sending(path: str) -> list[Sending]:
    """Return the sinks of a file, ready to run."""
    return [Sending(one, made(one)) for one in load(path)]


def _checked(tables: dict[str, Any]) -> tuple[SinkSettings, ...]:
    try:
        sinks = msgspec.convert(tables, Settings).sink
    except msgspec.ValidationError as error:  # tells the field, and never its value
        raise SettingInvalid(
            f"{NAME}: {error}", hint="README's part on the audit has an example of each kind"
        ) from error
    names = [sink.name for sink in sinks]
    if len(set(names)) < len(names):
        raise SettingInvalid(
            f"{NAME}: two sinks have the same name: {', '.join(names)}",
            hint="each keeps its place under its name",
        )
    return sinks


def _with_secrets(table: dict[str, Any], where: str) -> None:
    """Read what stands in files of its own."""
    for key in [key for key in table if key.removesuffix(BESIDE) in SECRET - {key}]:
        name, path = key.removesuffix(BESIDE), str(table.pop(key))
        if name in table:
            raise SettingInvalid(f"{where}: {name} and {key} are both set", hint="set one of them")
        try:
            table[name] = Path(path).expanduser().read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no text"
            raise SettingInvalid(
                f"{where}: {key}: {path} cannot be read: {reason}",
                hint="a file of one line, readable by the user that Pushline runs as",
            ) from error
