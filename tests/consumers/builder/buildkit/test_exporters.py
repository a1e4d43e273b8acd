"""Where a build's result goes: into registries, files and folders."""

import hashlib
import tarfile
from pathlib import Path

import httpx
import pytest

from consumers.builder.buildkit import (
    Client,
    Export,
    FolderContext,
    OutputRefused,
    Receiver,
    Result,
    Solve,
    SolveFailed,
    ToFile,
    ToFolder,
    TooOld,
)
from tests.consumers.builder.buildkit.conftest import Folder
from tests.heavy.engines import Engine

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
STEPS = "RUN echo made >/made\nFROM scratch\nCOPY --from=0 /made /made\n"


async def export(
    client: Client, folder: Path, *exports: Export, receive: Receiver | tuple[()] = ()
) -> Result:
    """Build a folder, with somebody who takes what comes."""
    context = FolderContext(folder)
    named = {"context": context, "dockerfile": context}
    async with client.session(contexts=named, receive=receive) as session:
        return await client.solve(Solve(session=session, exports=exports))


async def test_image_is_pushed(pushing: Client, folder: Folder, registry: str) -> None:
    """The registry has the image by the digest that the build answers."""
    image = Export("image", {"name": f"{registry}/alice/made:1", "push": "true"})

    result = await export(pushing, folder(STEPS), image)

    async with httpx.AsyncClient(headers={"Accept": MANIFEST}) as http:
        answer = await http.get(f"http://{registry}/v2/alice/made/manifests/{result.digest}")
    assert answer.status_code == 200
    assert result.digest == "sha256:" + hashlib.sha256(answer.content).hexdigest()


@pytest.mark.parametrize("kind", ["oci", "docker"])
async def test_image_becomes_a_file(
    pushing: Client, folder: Folder, tmp_path: Path, kind: str
) -> None:
    """An image is written into an archive, and appears once it is whole."""
    target = tmp_path / "image.tar"

    await export(pushing, folder(STEPS), Export(kind, {"name": "made:1"}), receive=ToFile(target))

    with tarfile.open(target) as archive:
        assert "oci-layout" in archive.getnames()
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith(".")] == []


async def test_files_become_an_archive(client: Client, folder: Folder, tmp_path: Path) -> None:
    """The exporter tar sends the result's files."""
    target = tmp_path / "files.tar"

    await export(client, folder(STEPS), Export("tar"), receive=ToFile(target))

    with tarfile.open(target) as archive:
        member = archive.extractfile("made")
        assert member
        assert member.read() == b"made\n"


async def test_files_become_a_folder(client: Client, folder: Folder, tmp_path: Path) -> None:
    """The exporter local sends the result's files; what stood there and is not named stays."""
    target = tmp_path / "out"
    target.mkdir()
    (target / "before").write_text("stays")
    (target / "made").symlink_to("before")

    await export(client, folder(STEPS), Export("local"), receive=ToFolder(target))

    assert (target / "made").read_text() == "made\n"
    assert not (target / "made").is_symlink()
    assert (target / "before").read_text() == "stays"


async def test_an_engine_keeps_what_it_built(
    client: Client, engine: Engine, plain_engine: Engine, folder: Folder
) -> None:
    """The exporter moby puts the image into the engine's own store."""
    await export(client, folder(STEPS), Export("moby", {"name": "kept-by-moby:1"}))

    answers = [one.get("/images/kept-by-moby:1/json") for one in (engine, plain_engine)]
    assert 200 in [status for status, _ in answers]


async def test_plain_engine_has_no_image_exporter(plain_engine: Engine, folder: Folder) -> None:
    """An exporter that the daemon does not know says so by its type."""
    async with Client.connect(plain_engine.url) as client:
        with pytest.raises(TooOld, match="image"):
            await export(client, folder(STEPS), Export("image", {"name": "made:1"}))


@pytest.mark.parametrize(("kind", "taker"), [("tar", ToFile), ("local", ToFolder)])
async def test_an_output_may_be_too_large(
    client: Client,
    folder: Folder,
    tmp_path: Path,
    kind: str,
    taker: type[ToFile] | type[ToFolder],
) -> None:
    """Who takes an output may say how much; more is refused, and no half file stays."""
    made = folder("RUN busybox dd if=/dev/zero of=/zeros bs=64k count=64 2>/dev/null\n")
    target = tmp_path / "out"

    with pytest.raises(OutputRefused, match="larger"):
        await export(client, made, Export(kind), receive=taker(target, 2 * 1024 * 1024))

    assert kind == "local" or not target.exists()


async def test_an_output_that_cannot_be_written(
    client: Client, folder: Folder, tmp_path: Path
) -> None:
    """A file in a folder that is not there is refused with its path."""
    with pytest.raises(OutputRefused, match="none"):
        await export(client, folder(STEPS), Export("tar"), receive=ToFile(tmp_path / "none/x"))


async def test_nobody_takes_the_output(client: Client, folder: Folder) -> None:
    """An export to a session without a receiver fails instead of waiting."""
    with pytest.raises(SolveFailed):
        await export(client, folder(STEPS), Export("tar"))
