"""A function's build context as a tar whose bytes depend on its files alone."""

import io
import tarfile
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from consumers.source.limits import SourceSettings
from consumers.source.tree import File, Tree
from schemas import stack_template
from schemas.stack import FunctionSpec
from schemas.stack_template import Template

TEMPLATES: Final = Path(__file__).with_name("templates")
SKIPPED: Final = frozenset({"build", "template"})  # at a handler's top, as faas-cli does


class TooMuch(Exception):
    """An archive is over a limit; the text says which."""


class Templates:
    """The operator's templates, read once."""

    def __init__(self, folder: Path = TEMPLATES) -> None:
        """Read every template below ``folder``."""
        self.templates: dict[str, Template] = {}
        self.files: dict[str, tuple[File, ...]] = {}
        for place in sorted(folder.iterdir()):
            if (place / stack_template.FILE).is_file():
                text = (place / stack_template.FILE).read_bytes()
                self.templates[place.name] = stack_template.parse(text)
                self.files[place.name] = tuple(_files_of(place))

    @property
    def languages(self) -> tuple[str, ...]:
        """Return what ``lang`` may say."""
        return tuple(self.templates)

    def context(self, spec: FunctionSpec, tree: Tree, copy: Iterable[str]) -> dict[str, File]:
        """Return a function's files by path in the layout of faas-cli's shrinkwrap.

        Raises Outside where a link leads out, TooMuch over a limit.
        """
        template = self.templates[spec.language]
        found = {file.path: file for file in self.files[spec.language]}
        ours = {name: found[name] for name in (stack_template.FILE, "Dockerfile") if name in found}
        bare = spec.language == "dockerfile" or template.handler_folder in ("", ".")
        folder = "" if bare else template.handler_folder
        gathering = _Gathering(found, tree.limits)
        for file in tree.walk(tree.resolve(spec.handler)):
            if file.path.partition("/")[0] not in SKIPPED:
                gathering.add(file, folder)
        for path in copy:
            real = tree.resolve(path)
            if tree.kind(real) == "folder":
                for file in tree.walk(real, path):
                    gathering.add(file, folder)
            else:
                program = tree.kind(real) == "program"
                gathering.add(File(path, tree.body(real), program), folder)
        if spec.language != "dockerfile":  # how it is built and run is not the handler's to say
            gathering.files |= ours
        return gathering.files


class _Gathering:
    def __init__(self, files: dict[str, File], limits: SourceSettings) -> None:
        self.files = files
        self.limits = limits
        self.bytes = sum(len(file.body) for file in files.values())

    def add(self, file: File, folder: str) -> None:
        path = f"{folder}/{file.path}" if folder else file.path
        self.bytes += len(file.body)
        self.files[path] = File(path, file.body, file.program)
        if len(self.files) > self.limits.archive_files:
            raise TooMuch(f"has more than {self.limits.archive_files} files")
        if self.bytes > self.limits.archive_bytes:
            raise TooMuch(f"has more than {self.limits.archive_bytes} bytes")


def collisions(paths: Iterable[str]) -> list[tuple[str, str]]:
    """Return pairs of paths that are one on file systems which fold case, or file and folder."""
    seen: dict[str, str] = {}
    found = []
    for path in sorted(paths):
        folders = path.split("/")
        for end in range(1, len(folders) + 1):
            part = "/".join(folders[:end])
            kind = "file" if end == len(folders) else "folder"
            key = unicodedata.normalize("NFC", part).casefold()
            first = seen.setdefault(key, f"{kind}:{part}")
            if first != f"{kind}:{part}":
                found.append((first.partition(":")[2], part))
                break
    return found


def pack(files: Iterable[File]) -> bytes:
    """Return the tar: sorted, no times, no owners, modes 644 and 755, no folders of their own."""
    body = io.BytesIO()
    with tarfile.open(fileobj=body, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for file in sorted(files, key=lambda file: file.path.encode()):
            entry = tarfile.TarInfo(file.path)
            entry.size = len(file.body)
            entry.mode = 0o755 if file.program else 0o644
            tar.addfile(entry, io.BytesIO(file.body))
    return body.getvalue()


def _files_of(folder: Path) -> Iterable[File]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            program = bool(path.stat().st_mode & 0o100)
            name = path.relative_to(folder).as_posix()
            yield File(name, path.read_bytes(), program)
