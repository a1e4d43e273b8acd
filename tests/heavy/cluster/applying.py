"""Server-side apply, as Kubernetes documents it: each field of an object has its managers."""

from dataclasses import dataclass, field
from typing import Any

Path = tuple[str, ...]
IDENTITY = {("apiVersion",), ("kind",), ("metadata", "name"), ("metadata", "namespace")}


class Conflict(Exception):
    """Another manager has another value in a field."""

    def __init__(self, manager: str, path: Path) -> None:
        super().__init__(f'conflict with "{manager}": .{".".join(path)}')


@dataclass
class Object:
    """One object of the API."""

    fields: dict[Path, Any] = field(default_factory=dict)
    managers: dict[str, set[Path]] = field(default_factory=dict)
    generation: int = 0
    status: dict[str, Any] = field(default_factory=dict)
    looks: int = 0  # that were taken since it changed

    def apply(self, manager: str, intent: dict[str, Any]) -> None:
        """Take what a manager wants; what it wanted before and wants no more is removed."""
        wanted = {path: value for path, value in leaves(intent) if path not in IDENTITY}
        for other, owned in self.managers.items():
            for path in owned & wanted.keys():
                if other != manager and self.fields[path] != wanted[path]:
                    raise Conflict(other, path)
        before = dict(self.fields)
        others = {
            path for name, owned in self.managers.items() if name != manager for path in owned
        }
        for path in self.managers.get(manager, set()) - wanted.keys() - others:
            del self.fields[path]
        self.fields |= wanted
        self.managers[manager] = set(wanted)
        if self._spec(before) != self._spec(self.fields):
            self.generation += 1
            self.looks = 0

    def under(self, *path: str) -> dict[str, Any]:
        """Return the fields right below a path."""
        return {key[-1]: value for key, value in self.fields.items() if key[:-1] == path}

    @staticmethod
    def _spec(fields: dict[Path, Any]) -> dict[Path, Any]:
        return {path: value for path, value in fields.items() if path[0] == "spec"}


def leaves(node: Any, path: Path = ()) -> list[tuple[Path, Any]]:
    """Return all values of an object with their paths."""
    if isinstance(node, dict) and node:
        return [found for key, value in node.items() for found in leaves(value, (*path, key))]
    return [(path, node)]
