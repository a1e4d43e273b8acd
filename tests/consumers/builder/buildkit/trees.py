"""Trees that stand nowhere but in memory, for tests of what is chosen from them."""

from collections.abc import Iterator
from dataclasses import dataclass

from consumers.builder.buildkit.entries import DIRECTORY, SYMLINK, Entry
from consumers.builder.buildkit.paths import by_name


@dataclass(frozen=True)
class Paths:
    """A tree of paths; folders end with a slash or follow from what lies in them."""

    paths: tuple[str, ...]
    links: tuple[tuple[str, str], ...] = ()
    origin: str = ""

    def open(self) -> "Paths":
        """Return itself."""
        return self

    def entries(self) -> dict[str, Entry]:
        """Return everything, folders above what is named included."""
        found: dict[str, Entry] = {}
        for path in (*self.paths, *(link for link, _ in self.links)):
            parts = path.rstrip("/").split("/")
            for end in range(1, len(parts)):
                above = "/".join(parts[:end])
                found[above] = Entry(above, DIRECTORY | 0o755)
            found.setdefault(
                path.rstrip("/"),
                Entry(path.rstrip("/"), DIRECTORY if path.endswith("/") else 0o644, size=1),
            )
        for path, target in self.links:
            found[path] = Entry(path, SYMLINK | 0o777, link=target)
        return found

    def entry(self, path: str) -> Entry | None:
        """Return what stands at a path."""
        return self.entries().get(path)

    def folder(self, path: str) -> list[Entry]:
        """Return what is in a folder, sorted."""
        inside = [one for one in self.entries().values() if one.path.rpartition("/")[0] == path]
        return sorted(inside, key=lambda one: by_name(one.path))

    def pieces(self, path: str, most: int) -> Iterator[bytes]:
        """Yield one byte."""
        assert most
        yield path[:1].encode()
