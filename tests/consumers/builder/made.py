"""Functions made by hand: an archive as source packs it, and a spec."""

from collections.abc import Mapping
from pathlib import Path

from bus.blobs import DirectoryBlobs
from consumers.builder.bundle import BundleBuilder, BundleSettings
from consumers.builder.images import Built, Order
from consumers.source.archive import TEMPLATES, pack
from consumers.source.tree import File
from schemas.envelope import Aggregate
from schemas.ids import Digest
from schemas.repository import Repository
from schemas.stack import FunctionSpec

RUN = Aggregate("local", "alice/hello", "run", "01JD8Z6Q5V0000000000000000")
REPOSITORY = Repository("alice", "hello", "main")
SHA = "04b8e44" + "0" * 33
HANDLER = "def handle(event, context):\n    return 'hi'\n"


def spec(language: str = "python3-http", *, fprocess: str = "") -> FunctionSpec:
    """Return a function's spec."""
    return FunctionSpec(name="hello", language=language, handler="hello", fprocess=fprocess)


def order(archive: Digest, made: FunctionSpec) -> Order:
    """Return the order to build an archive, pushed by alice to main."""
    return Order(
        archive=archive,
        spec=made,
        run=RUN,
        repository=REPOSITORY,
        branch="main",
        sha=SHA,
    )


def archive(
    language: str, files: Mapping[str, str | bytes], programs: tuple[str, ...] = ()
) -> bytes:
    """Return the tar of template and handler."""
    template = TEMPLATES / language
    rows = [
        File(path.name, path.read_bytes(), program=False)
        for path in template.iterdir()
        if path.is_file()
    ]
    for name, body in files.items():
        data = body.encode() if isinstance(body, str) else body
        path = name if language in ("exec", "dockerfile") else f"function/{name}"
        rows.append(File(path, data, program=name in programs))
    return pack(rows)


class Workshop:
    """A bundle builder with a home, and what it said."""

    def __init__(self, home: Path, **settings: object) -> None:
        """Start with an empty home."""
        self.home = home
        self.blobs = DirectoryBlobs(home / "blobs")
        self.settings = BundleSettings(**settings)  # type: ignore[arg-type]
        self.builder = BundleBuilder(self.blobs, home, self.settings)
        self.said: list[str] = []

    async def put(self, tar: bytes) -> Digest:
        """Store an archive."""
        return await self.blobs.put(tar)

    async def build(self, digest: Digest, made: FunctionSpec) -> Built:
        """Build a stored archive."""
        return await self.builder.build(order(digest, made), self.said.append)

    async def bundle(self, made: FunctionSpec, tar: bytes) -> Path:
        """Build; return the bundle's folder."""
        built = await self.build(await self.put(tar), made)
        return self.home / "bundles" / built.image.removeprefix("sha256:")

    def left(self) -> list[str]:
        """Return the names of the bundles, and of what should not be there."""
        folder = self.home / "bundles"
        return sorted(path.name for path in folder.iterdir()) if folder.exists() else []
